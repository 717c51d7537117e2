/** The time, as a parameter: tests pass their own. */
export interface Clock {
  /** Unix time in milliseconds; may jump when the system clock is set. */
  nowMs(): number;
  /** Milliseconds from an arbitrary start; never jumps. Use it for every interval. */
  monotonicMs(): number;
}

/** The program is younger than this: a clock that shows less has not been set. */
export const UNSET_MS: number = Date.UTC(2026, 0, 1);

/** The time, or the earliest it can be, for certificates: a machine that does not know the time yet makes such as clients who know it accept. */
export function notBeforeProgram(now: Date): Date {
  return new Date(Math.max(now.getTime(), UNSET_MS));
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};
