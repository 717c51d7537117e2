import type { Priority } from "./types.ts";

/** Runs of one job before it counts as poisoned. */
export const MAX_ATTEMPTS = 3;
/** A worker that says nothing for so long has lost its job. */
export const LEASE_MS = 30_000;
export const RENEW_MS = 10_000;
/** An upload that stands still for so long is given up. */
export const UPLOAD_MS: number = 24 * 3_600_000;
/** How long an Idempotency-Key is remembered. */
export const IDEMPOTENCY_MS: number = 24 * 3_600_000;

/**
 * How far a class stands behind the most urgent one, in seconds: of audio that its owner is served before, and of waiting after which the class
 * no longer matters. So no job waits without end behind more urgent work.
 */
export const CLASS_OFFSET_S: Readonly<Record<Priority, number>> = { interactive: 0, normal: 120, bulk: 3600 };

const FIRST_BACKOFF_MS = 10_000;
const LONGEST_BACKOFF_MS = 10 * 60_000;
const JITTER = 0.2;

/**
 * Returns the pause before a job is tried again.
 *
 * @param attempts runs so far, from 1
 * @param random 0..1
 */
export function backoffMs(attempts: number, random: number): number {
  const plain = Math.min(FIRST_BACKOFF_MS * 2 ** (attempts - 1), LONGEST_BACKOFF_MS);
  return Math.round(plain * (1 - JITTER + 2 * JITTER * random));
}

/** Returns the day that audio is counted on, in UTC, and when the next one begins. */
export function dayOf(nowMs: number): { readonly day: string; readonly endsMs: number } {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  return { day, endsMs: Date.parse(`${day}T00:00:00Z`) + 86_400_000 };
}
