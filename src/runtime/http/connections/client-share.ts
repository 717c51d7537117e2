import { createAllowance } from "../../../shared/time/allowance.ts";
import type { Allowance } from "../../../shared/time/allowance.ts";
import type { Clock } from "../../../shared/time/clock.ts";

/** What all connections of one client share. */
export interface ClientShare {
  readonly waiting: WaitingTurns;
  /** Thread time that reading from it may take. */
  readonly readTime: Allowance;
}

/** Requests of one client that are read and wait for their turn, about 3 KB of memory each. */
export interface WaitingTurns {
  /** Nothing more of this client should be parsed. */
  readonly isFull: boolean;
  add(): void;
  remove(count: number): void;
  /** Calls back, once, when there is room. */
  onRoom(goOn: () => void): void;
}

/**
 * One read may hold thousands of small requests. Their connections wait and are not closed: a client that connects again at once costs more, and
 * new connections of other clients stand behind its own, since one connection is accepted in each round of the event loop.
 */
const FULL = 1024;
/** Thread time that a client's bytes may take, in milliseconds a second for long, and at once. An upload takes about 1 ms a megabyte. */
export const READ_MS_PER_S = 100;
export const READ_MS_AT_ONCE = 500;

export function createClientShare(clock: Clock): ClientShare {
  return { waiting: createWaitingTurns(), readTime: createAllowance(clock, READ_MS_PER_S, READ_MS_AT_ONCE) };
}

export function createWaitingTurns(): WaitingTurns {
  const held: (() => void)[] = [];
  let count = 0;
  return {
    get isFull() {
      return count >= FULL;
    },
    add: () => void count++,
    remove: (removed) => {
      count -= removed;
      if (count >= FULL) return;
      // One for one, so that they do not all come at once; the last one leaves none behind.
      for (const goOn of held.splice(0, count === 0 ? held.length : removed)) goOn();
    },
    onRoom: (goOn) => void held.push(goOn),
  };
}
