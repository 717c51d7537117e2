import { createAllowance } from "../../shared/time/allowance.ts";
import type { Clock } from "../../shared/time/clock.ts";

/** Counts frames that carry nothing: a client that sends too many of them breaks the protocol. */
export interface Conduct {
  /** An audio frame without audio. */
  countEmpty(): void;
  /** A ping or pong. */
  countControl(): void;
}

const MAX_EMPTY_FRAMES = 1000;
/** Pings and pongs: a client needs one in 30 s, and answers two a second while its socket is paused. */
const CONTROL_FRAMES_PER_S = 10;
const CONTROL_FRAMES_AT_ONCE = 1000;

export function createConduct(clock: Clock, violate: (what: string) => void): Conduct {
  let emptyFrames = 0;
  const control = createAllowance(clock, CONTROL_FRAMES_PER_S, CONTROL_FRAMES_AT_ONCE);
  return {
    countEmpty: () => {
      emptyFrames++;
      if (emptyFrames >= MAX_EMPTY_FRAMES) violate(`${MAX_EMPTY_FRAMES} frames were empty`);
    },
    countControl: () => {
      control.spend(1);
      if (control.owedMs > 0) violate(`more than ${CONTROL_FRAMES_PER_S} pings and pongs a second`);
    },
  };
}
