import type { Clock } from "../../../shared/time/clock.ts";

/** How fast a body comes. Time in which the client was kept from sending does not count. */
export interface UploadPace {
  received(bytes: number): void;
  /** Starts and ends a time that is not the client's. */
  holdUp(isHeldUp: boolean): void;
  /** Milliseconds of its own time until it has fallen further behind the minimum rate than the grace allows; below 0 = too slow. */
  readonly slackMs: number;
  /** Recent speed: the last third of the grace counts most. */
  readonly bytesPerS: number;
  /** Milliseconds the client had so far. */
  readonly ownMs: number;
}

/**
 * @param minKbps slowest rate that is waited for, kilobit per second
 * @param graceMs how far an upload may fall behind it, at any time; a fast start earns no more than this
 */
export function createUploadPace(clock: Clock, minKbps: number, graceMs: number): UploadPace {
  const startMs = clock.monotonicMs();
  const memoryMs = graceMs / 3;
  let heldUpMs = 0;
  let heldUpSinceMs: number | undefined;
  /** The client's own time that its bytes have paid for. */
  let paidUntilMs = graceMs;
  /** Bytes, fading with time. */
  let recentBytes = 0;
  let recentAtMs = 0;

  const ownMs = (): number => (heldUpSinceMs ?? clock.monotonicMs()) - startMs - heldUpMs;
  const faded = (): number => recentBytes * Math.exp((recentAtMs - ownMs()) / memoryMs);

  return {
    received: (bytes) => {
      paidUntilMs = Math.min(ownMs() + graceMs, paidUntilMs + (bytes * 8) / minKbps);
      recentBytes = faded() + bytes;
      recentAtMs = ownMs();
    },
    holdUp: (isHeldUp) => {
      const nowMs = clock.monotonicMs();
      if (heldUpSinceMs !== undefined) heldUpMs += nowMs - heldUpSinceMs;
      heldUpSinceMs = isHeldUp ? nowMs : undefined;
    },
    get slackMs() {
      return paidUntilMs - ownMs();
    },
    get bytesPerS() {
      // Early on there is less to remember: divide by what could be remembered by now. At least 50 ms, or one packet would count as a flood.
      const window = memoryMs * (1 - Math.exp(-Math.max(50, ownMs()) / memoryMs));
      return (faded() / window) * 1000;
    },
    get ownMs() {
      return ownMs();
    },
  };
}
