/** The time, as a parameter: tests pass their own. */
export interface Clock {
  /** Unix time in milliseconds; may jump when the system clock is set. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never jumps. Use it for every interval. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
