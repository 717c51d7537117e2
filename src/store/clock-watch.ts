import { systemClock, type Clock } from "../shared/time/clock.ts";

/** The clock was set: what this process dated from `fromMs` to `toMs` belongs `byMs` later. Zero at the start: earlier processes may have left anything. */
export interface ClockSet {
  readonly fromMs: number;
  readonly toMs: number;
  readonly byMs: number;
}

/** Tells a store when the system's clock was set, and when nothing may be deleted for its age. */
export interface ClockWatch {
  /** Call it before anything is deleted for its age. Returns what was set since the last call. */
  look(): ClockSet | undefined;
  /** False for a day after time has leapt far: until then the clock may be set right. */
  mayDelete(): boolean;
}

/** The system's clock; where a test brings its own time, it is never set. */
export function storeClock(nowMs: (() => number) | undefined): Clock {
  return nowMs === undefined ? systemClock : { nowMs, monotonicMs: nowMs };
}

/** @param newestMs when the store was last written; undefined = never */
export function createClockWatch(clock: Clock, newestMs: number | undefined): ClockWatch {
  const read = (): { nowMs: number; monotonicMs: number } => ({
    nowMs: clock.nowMs(),
    monotonicMs: clock.monotonicMs(),
  });
  let last = read();
  let isFirst = true;
  let fromMs = last.nowMs;
  let holdMs = newestMs !== undefined && last.nowMs - newestMs > LEAP_MS ? last.monotonicMs + HOLD_MS : 0;
  return {
    look: () => {
      const now = read();
      const toMs = last.nowMs + (now.monotonicMs - last.monotonicMs);
      const byMs = Math.round(now.nowMs - toMs);
      last = now;
      const isSet = Math.abs(byMs) >= LEAST_MS;
      if (!isSet && !isFirst) return undefined;
      isFirst = false;
      if (!isSet) return { fromMs, toMs: fromMs, byMs: 0 };
      const found = { fromMs, toMs: Math.ceil(toMs), byMs };
      fromMs += byMs;
      if (byMs > LEAP_MS) holdMs = now.monotonicMs + HOLD_MS;
      return found;
    },
    mayDelete: () => clock.monotonicMs() >= holdMs,
  };
}

// ---

const LEAST_MS = 60_000;
const LEAP_MS = 30 * 86_400_000;
const HOLD_MS = 86_400_000;
