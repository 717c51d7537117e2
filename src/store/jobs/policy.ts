import type { Priority } from "./types.ts";

/** Runs of one job before it counts as poisoned. */
export const MAX_ATTEMPTS = 3;
/** A worker that does not renew its lease for so long has lost its job. On one machine a busy disk may delay it; a queue server answers at once. */
export const LEASE_MS_OF = { sqlite: 30_000, redis: 10_000 } as const;
export const RENEW_MS_OF = { sqlite: 10_000, redis: 3000 } as const;
/** How often lost jobs are looked for. With the lease it is the longest time until another run takes over. */
export const SWEEP_MS_OF = { sqlite: 10_000, redis: 5000 } as const;
/** An upload that stands still for so long is given up. */
export const UPLOAD_MS: number = 24 * 3_600_000;
/** How long an Idempotency-Key is remembered. */
export const IDEMPOTENCY_MS: number = 24 * 3_600_000;

/** What a recording is taken for until its length is known: 128 kbit/s. */
export const BYTES_PER_SECOND = 16_000;

/**
 * How far a class stands behind the most urgent one, in seconds. Between owners: of audio that others are given before. Among the jobs of one owner:
 * of waiting after which the class no longer matters. So no job waits without end behind more urgent work.
 */
export const CLASS_OFFSET_S: Readonly<Record<Priority, number>> = { interactive: 0, normal: 120, bulk: 3600 };

/**
 * The virtual time, at which an owner without work begins, moves with what each busy owner is given on average, and is not behind what is being served:
 * else a stream of newcomers, or one recording of hours, would make it stand still. Returns how far an owner whose job of this class is served
 * is ahead of those with normal work, in seconds.
 */
export function aheadS(offsetS: number): number {
  return Math.max(0, CLASS_OFFSET_S.normal - offsetS);
}

/** Order among the jobs of one owner: its class counts as waiting. Of two that are equal, the longer waiting one goes first. */
export function dueMs({ createdMs, offsetS }: { readonly createdMs: number; readonly offsetS: number }): number {
  return createdMs + offsetS * 1000 - offsetS / 10_000;
}
/** The same for a row of jobs in SQL. */
export const DUE_MS = "j.created_ms + j.offset_s * 1000 - j.offset_s / 10000.0";

const FIRST_BACKOFF_MS = 10_000;
export const LONGEST_BACKOFF_MS: number = 10 * 60_000;
const JITTER = 0.2;

/**
 * Returns the pause before a job is tried again.
 *
 * @param attempts runs so far that count against the job; 0 = at once
 * @param random 0..1
 */
export function backoffMs(attempts: number, random: number): number {
  if (attempts < 1) return 0;
  const plain = Math.min(FIRST_BACKOFF_MS * 2 ** (attempts - 1), LONGEST_BACKOFF_MS);
  return Math.round(plain * (1 - JITTER + 2 * JITTER * random));
}

/** Returns the day that audio is counted on, in UTC, and when the next one begins. */
export function dayOf(nowMs: number): { readonly day: string; readonly endsMs: number } {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  return { day, endsMs: Date.parse(`${day}T00:00:00Z`) + 86_400_000 };
}
