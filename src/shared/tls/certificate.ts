import { X509Certificate } from "node:crypto";
import { notBeforeProgram } from "../time/clock.ts";

/** What a PEM certificate says about itself. */
export interface CertificateFacts {
  readonly subject: string;
  readonly issuer: string;
  readonly names: readonly string[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** Whole days; negative when it has expired. */
  readonly daysLeft: number;
}

/** Renewal of our own certificates begins this long before the end. */
export const RENEW_BEFORE_DAYS = 30;

/** Whether its dates hold and its renewal is not due. Before the clock is set it is the time of the program. */
export function isInTime(
  { notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">,
  now: Date,
): boolean {
  const nowMs = notBeforeProgram(now).getTime();
  return notBefore.getTime() <= nowMs && notAfter.getTime() - nowMs > (RENEW_BEFORE_DAYS + 1) * DAY_MS;
}

/** How near the end of a certificate is: `soon` = its renewal has failed for some time, `urgent` = clients fail in days. */
export type Expiry = "good" | "soon" | "urgent" | "expired";

/**
 * Returns how near the end is. Renewal begins with a third of the life left at the latest (90 days: 30, Caddy's own CA: 4 of 12 hours), so less than a quarter means
 * that it failed.
 */
export function expiryOf({ notBefore, notAfter }: Pick<CertificateFacts, "notBefore" | "notAfter">, now: Date): Expiry {
  const leftMs = notAfter.getTime() - now.getTime();
  const lifeMs = notAfter.getTime() - notBefore.getTime();
  if (leftMs < 0) return "expired";
  if (leftMs < Math.min(7 * DAY_MS, lifeMs / 12)) return "urgent";
  return leftMs < Math.min(21 * DAY_MS, lifeMs / 4) ? "soon" : "good";
}

/** Returns the time left in words: `60 days`, `9 hours`. */
export function timeLeft(notAfter: Date, now: Date): string {
  const leftMs = notAfter.getTime() - now.getTime();
  const [count, unit] = Math.abs(leftMs) < 2 * DAY_MS ? [leftMs / HOUR_MS, "hour"] : [leftMs / DAY_MS, "day"];
  const whole = Math.abs(Math.trunc(count));
  return `${whole} ${unit}${whole === 1 ? "" : "s"}`;
}

/** Reads the first certificate of a PEM file. Throws for anything else. */
export function readCertificate(text: string, now: Date): CertificateFacts {
  const certificate = new X509Certificate(text);
  const notAfter = new Date(certificate.validTo);
  return {
    subject: oneLine(certificate.subject),
    issuer: oneLine(certificate.issuer),
    names: (certificate.subjectAltName ?? "")
      .split(", ")
      .filter((name) => name !== "")
      .map((name) => name.replace(/^(?:DNS|IP Address):/, "")),
    notBefore: new Date(certificate.validFrom),
    notAfter,
    daysLeft: Math.floor((notAfter.getTime() - now.getTime()) / DAY_MS),
  };
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

// ---

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
