import { setTimeout } from "./timers.ts";

/** Work for many clients on one thread, in turn. */
export interface Turns {
  /** Runs the portion soon, after all portions asked for before it. A client asks for its next one when this one is done. */
  ask(portion: () => void): void;
}

/**
 * Runs portions one after the other for at most `budgetMs`, then gives way to everything else on the thread. A client that always has more
 * to do therefore delays the others by one portion, and timers and sockets by one budget.
 *
 * @param restMs rests so long after each full budget: with as much rest as budget it takes half of the thread
 */
export function createTurns(budgetMs = 4, nowMs: () => number = () => performance.now(), restMs = 0): Turns {
  let waiting: (() => void)[] = [];
  let first = 0;
  let isScheduled = false;

  const schedule = (): void => {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(run);
  };
  const goOn = (): void => void (restMs === 0 ? setImmediate(run) : setTimeout(run, restMs));
  // What asks during a run is served by it or by the run that it schedules: `isScheduled` stays true.
  const run = (): void => {
    const endMs = nowMs() + budgetMs;
    try {
      do {
        const portion = waiting[first++];
        if (portion === undefined) break;
        portion();
      } while (nowMs() < endMs);
    } finally {
      if (first >= waiting.length) {
        waiting = [];
        first = 0;
        isScheduled = false;
      } else {
        if (first > 1024) {
          waiting = waiting.slice(first);
          first = 0;
        }
        goOn();
      }
    }
  };
  return {
    ask: (portion) => {
      waiting.push(portion);
      schedule();
    },
  };
}
