import { randomFillSync } from "node:crypto";
import type { Clock } from "../../shared/time/clock.ts";

const ACCEPTED = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's `x-request-id` when it is 1-128 characters of `[A-Za-z0-9._-]`, else a new UUIDv7. */
export function requestId(header: string | readonly string[] | undefined, clock: Clock): string {
  return typeof header === "string" && ACCEPTED.test(header) ? header : uuidV7(clock.nowMs());
}

/** A UUIDv7 (RFC 9562): 48 bits of Unix milliseconds, then random bits. Sorts by time, which is what makes it useful in logs. */
export function uuidV7(unixMs: number): string {
  const bytes = randomFillSync(Buffer.allocUnsafe(16));
  bytes.writeUIntBE(unixMs, 0, 6);
  bytes[6] = 0x70 | (bytes[6]! & 0x0f); // 16 bytes were just made
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
