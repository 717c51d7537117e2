import type { SessionPeer } from "./peer.ts";
import { setInterval } from "../../shared/time/timers.ts";

/** Stops and restarts the client's sending. */
export interface Flow {
  readonly isPaused: boolean;
  pause(): void;
  resume(): void;
  /** Stops probing. */
  close(): void;
}

/**
 * Back-pressure to the client: its socket is paused, TCP makes it wait. A paused socket reads neither data nor the end of the connection, so
 * it is pinged every `probeMs`: only writing reveals that the client is gone (the first ping brings a reset, the second one fails).
 */
export function createFlow(peer: SessionPeer, probeMs: number, onProbe: () => void): Flow {
  let isPaused = false;
  let probe: NodeJS.Timeout | undefined;
  const close = (): void => clearInterval(probe);
  return {
    get isPaused() {
      return isPaused;
    },
    pause: () => {
      if (isPaused) return;
      isPaused = true;
      peer.pause();
      probe = setInterval(() => {
        peer.ping();
        onProbe();
      }, probeMs);
    },
    resume: () => {
      if (!isPaused) return;
      isPaused = false;
      close();
      peer.resume();
    },
    close,
  };
}
