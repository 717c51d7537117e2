import { X509Certificate } from "node:crypto";

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

const DAY_MS = 86_400_000;

// ---

function oneLine(name: string): string {
  return name.replaceAll("\n", ", ");
}
