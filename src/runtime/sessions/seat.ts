import type { WireError } from "../../shared/errors.ts";
import type { Slot } from "../admission/admission.ts";
import type { RuntimeContext } from "../context.ts";
import { toWireError } from "../http/replies/errors.ts";
import type { Timers } from "../../shared/time/timers.ts";

/** A session's slot: taken when speech begins, given back after a silence. A session that says nothing holds none. */
export interface Seat {
  /** Speech is heard. */
  heard(): void;
  readonly isHeld: boolean;
  /** It was held at least once. */
  readonly wasHeld: boolean;
  /** Speech was heard and there is no slot for it: nothing more is given to the engine until there is. */
  readonly isWaiting: boolean;
  release(): void;
}

export interface SeatOptions {
  readonly client: string;
  readonly timers: Timers;
  /** Aborts when the session is over. */
  readonly signal: AbortSignal;
  /** Why the machine keeps up with no more live sessions; undefined when it does. */
  readonly blockedBy: (speaking: number) => string | undefined;
  /** The wait is over. */
  /** A slot was waited for since then. */
  readonly onWaited: (sinceMs: number) => void;
  readonly onGranted: () => void;
  readonly onRefused: (error: WireError) => void;
}

export function createSeat({ admission, clock, timing }: RuntimeContext, options: SeatOptions): Seat {
  let slot: Slot | undefined;
  /** The wait for a slot that goes on: there is never a second one, whose slot would take the place of the first. */
  let asked: AbortController | undefined;
  let wasHeld = false;
  let isWaiting = false;
  let heardMs = 0;

  const granted = (): void => {
    isWaiting = false;
    options.onGranted();
  };
  const lost = (error: WireError): void => {
    isWaiting = false;
    slot = undefined;
    options.onRefused(error);
  };

  const take = async (): Promise<void> => {
    isWaiting = true;
    const sinceMs = clock.monotonicMs();
    const own = new AbortController();
    asked = own;
    const signal = AbortSignal.any([options.signal, own.signal]);
    try {
      const taken = await admission.acquire({
        client: options.client,
        kind: "session",
        signal,
        blockedBy: options.blockedBy,
        onSuspend: () => {
          isWaiting = true;
        },
        onResume: granted,
        onLost: lost,
      });
      if (signal.aborted) return taken.release();
      slot = taken;
    } catch (error) {
      if (!signal.aborted) lost(toWireError(error));
      return;
    } finally {
      if (asked === own) asked = undefined;
    }
    wasHeld = true;
    options.onWaited(sinceMs);
    watchSilence();
    granted();
  };

  const watchSilence = (): void => {
    const held = slot;
    if (held === undefined) return;
    // Time in which the client is kept from sending does not count as silence.
    if (isWaiting) heardMs = clock.monotonicMs();
    const leftMs = heardMs + timing.slotSilenceMs - clock.monotonicMs();
    if (leftMs > 0) return void options.timers.after(leftMs, watchSilence);
    slot = undefined;
    held.release();
  };

  return {
    heard: () => {
      heardMs = clock.monotonicMs();
      if (slot === undefined && !isWaiting && !options.signal.aborted) void take();
    },
    get isHeld() {
      return slot !== undefined && !isWaiting;
    },
    get wasHeld() {
      return wasHeld;
    },
    get isWaiting() {
      return isWaiting;
    },
    release: () => {
      asked?.abort(new Error("the utterance is over"));
      asked = undefined;
      const held = slot;
      slot = undefined;
      isWaiting = false;
      held?.release();
    },
  };
}
