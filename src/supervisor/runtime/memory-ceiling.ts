import type { Clock } from "../../shared/time/clock.ts";

/** Several samples in a row: one large upload is not a leak. */
const SAMPLES_ABOVE_LIMIT = 3;
const RECYCLE_PAUSE_MS = 60_000;

/** When the runtime has held more memory than it may for long enough to be replaced, at most once a minute. */
export interface MemoryCeiling {
  /** @param busy an operation runs: the next sample decides */
  isPassed(rssBytes: number, limitBytes: number, busy: boolean): boolean;
}

export function createMemoryCeiling(clock: Pick<Clock, "monotonicMs">): MemoryCeiling {
  let samplesAbove = 0;
  let passedAtMs = Number.NEGATIVE_INFINITY;
  return {
    isPassed(rssBytes, limitBytes, busy) {
      samplesAbove = rssBytes > limitBytes ? samplesAbove + 1 : 0;
      const nowMs = clock.monotonicMs();
      if (samplesAbove < SAMPLES_ABOVE_LIMIT || busy || nowMs - passedAtMs < RECYCLE_PAUSE_MS) return false;
      samplesAbove = 0;
      passedAtMs = nowMs;
      return true;
    },
  };
}
