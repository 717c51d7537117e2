/** The time, as a parameter: tests pass their own. */
export interface Clock {
  /** Unix time in milliseconds; may jump when the system clock is set. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never jumps. Use it for every interval. */
  monotonicMs(): number;
}

/** The program is younger than this: a clock that shows less has not been set. */
export const UNSET_MS: number = Date.UTC(2026, 0, 1);

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
