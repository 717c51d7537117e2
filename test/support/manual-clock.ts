import type { Clock } from "../../src/shared/time/clock.ts";

/** A clock that only moves when told. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function createManualClock(startMs = 1_800_000_000_000): ManualClock {
  let ms = 0;
  return {
    nowMs: () => startMs + ms,
    monotonicMs: () => ms,
    advance: (by) => {
      ms += by;
    },
  };
}
