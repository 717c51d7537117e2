import { setMaxListeners } from "node:events";
import type { Clock } from "../../shared/time/clock.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** The one deadline of a drain. */
export interface Deadline {
  /** Aborts shortly before the end: what is unfinished sends its last message now. */
  readonly soon: AbortSignal;
  /** Aborts at the end: what is left is cut. */
  readonly now: AbortSignal;
  remainingMs(): number;
  /** The end is now. */
  expedite(): void;
  /** Frees the timers. */
  clear(): void;
}

/** Time kept back for last messages: a tenth of the whole, at most half a second. */
const RESERVE_MS = 500;

export function createDeadline(limitMs: number, clock: Clock): Deadline {
  const soon = new AbortController();
  const now = new AbortController();
  // Every open session and request waits for it: Node would warn of a leak.
  setMaxListeners(0, soon.signal, now.signal);
  let endMs = clock.monotonicMs() + limitMs;
  const reserveMs = Math.min(RESERVE_MS, limitMs / 10);
  const timers = [setTimeout(() => soon.abort(), limitMs - reserveMs), setTimeout(() => now.abort(), limitMs)];
  return {
    soon: soon.signal,
    now: now.signal,
    // A timer may fire a little early.
    remainingMs: () => (now.signal.aborted ? 0 : Math.max(0, endMs - clock.monotonicMs())),
    expedite: () => {
      endMs = Math.min(endMs, clock.monotonicMs());
      soon.abort();
      now.abort();
    },
    clear: () => timers.forEach(clearTimeout),
  };
}

/** Resolves true when the work ends (well or badly) before the signal aborts. */
export async function endsBefore(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  let late = (): void => {};
  const aborted = new Promise<boolean>((resolve) => {
    late = () => resolve(false);
    if (signal.aborted) setImmediate(late);
    else signal.addEventListener("abort", late, { once: true });
  });
  const done = work.then(
    () => true,
    () => true,
  );
  const inTime = await Promise.race([done, aborted]);
  signal.removeEventListener("abort", late);
  return inTime;
}
