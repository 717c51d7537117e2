import type { JobsConfig } from "../../config/types.ts";
import { WireError } from "../../shared/errors.ts";
import type { QuotaRefusal, Quotas } from "../../store/jobs/types.ts";

const QUOTA_RETRY_MS = 60_000;

/** Returns the configured limits of an owner and of all. */
export function quotasOf({ perOwner, maxUnfinished }: JobsConfig): Quotas {
  return {
    unfinishedJobs: perOwner.unfinished,
    activeJobs: perOwner.active,
    audioSecondsPerDay: perOwner.audioPerDayMs / 1000,
    storedBytes: perOwner.storedBytes,
    allUnfinishedJobs: maxUnfinished,
  };
}

const LIMIT_TEXTS: Readonly<Record<QuotaRefusal["limit"], (allowed: number) => string>> = {
  unfinishedJobs: (n) => `you have ${n} unfinished jobs, the most that one client may have`,
  allUnfinishedJobs: (n) => `the server has ${n} unfinished jobs, the most that it takes`,
  storedBytes: (n) => `your stored recordings would be larger than the ${n} bytes that one client may have`,
  audioSecondsPerDay: (n) => `your ${n} s of audio of this day are used up`,
};

export function quotaError({ limit, allowed, untilMs }: QuotaRefusal, nowMs: number): WireError {
  const until =
    untilMs === undefined ? "try again when one is finished" : `try again after ${new Date(untilMs).toISOString()}`;
  return new WireError("quota_exceeded", `${LIMIT_TEXTS[limit](allowed)}; ${until}`, {
    param: limit,
    retryAfterMs: untilMs === undefined ? QUOTA_RETRY_MS : Math.max(1000, untilMs - nowMs),
  });
}

/** Throws when so many bytes more would take what has to stay free. */
export async function requireSpace(
  blobs: { freeBytes(): Promise<number> },
  bytes: number,
  { diskReserveBytes }: JobsConfig,
): Promise<void> {
  if ((await blobs.freeBytes()) - bytes < diskReserveBytes) throw diskFull();
}

export function diskFull(cause?: unknown): WireError {
  return new WireError("disk_full", "the server's disk has no room for another recording; try again later", {
    retryAfterMs: QUOTA_RETRY_MS,
    cause,
  });
}
