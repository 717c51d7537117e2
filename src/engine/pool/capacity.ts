import type { LiveCapacity } from "../contract.ts";
import { READINGS } from "../stream/reading-budget.ts";

/** Measures what windows cost here and now, and from it how many live sessions the machine can keep up with. */
export interface CapacityMeter {
  /** A window was recognised: audio and computing time, and how long it waited for a worker. */
  ran(kind: "live" | "file", audioMs: number, wallMs: number, waitedMs: number): void;
  /** @param speaking open streams with speech */
  live(speaking: number): LiveCapacity;
}

/**
 * @param realTimeFactor computing time over audio time of one worker, measured when the model was warmed up
 * @param nowMs monotonic clock
 */
export function createCapacityMeter(workers: number, realTimeFactor: number, nowMs: () => number): CapacityMeter {
  // Sums that forget: the machine's speed changes with its temperature and its other work.
  let audioMs = WARM_UP_WEIGHT_MS;
  let wallMs = WARM_UP_WEIGHT_MS * realTimeFactor;
  let waitMs = 0;
  let waitAtMs = -Infinity;

  return {
    ran(kind, audio, wall, waited) {
      audioMs = audioMs * FORGET + audio;
      wallMs = wallMs * FORGET + wall;
      if (kind === "file") return;
      waitMs += 0.2 * (waited - waitMs);
      waitAtMs = nowMs();
    },
    live(speaking) {
      const factor = wallMs / audioMs;
      const sustainable = Math.max(1, Math.floor((workers * USABLE_SHARE) / (factor * READINGS) + 1e-6));
      const isLate = speaking > 0 && waitMs > LATE_MS && nowMs() - waitAtMs < RECENT_MS;
      const reason = isLate
        ? `live windows wait ${Math.round(waitMs)} ms for a worker: ${speaking} live ${speaking === 1 ? "session is" : "sessions are"} what this machine keeps up with now`
        : speaking >= sustainable
          ? `this machine recognises a second of audio in ${Math.round(factor * 1000)} ms per worker and has ${workers}: that is ${sustainable} live ${sustainable === 1 ? "session" : "sessions"} in real time`
          : undefined;
      return { speaking, sustainable, realTimeFactor: factor, canOpenMore: reason === undefined, reason };
    },
  };
}

// ---

const USABLE_SHARE = 0.9;
/** A second behind is what users notice. */
const LATE_MS = 1000;
const RECENT_MS = 10_000;
/** The warm-up counts as much as this much audio. */
const WARM_UP_WEIGHT_MS = 10_000;
/** Per window: about the last hundred windows count. */
const FORGET = 0.99;
