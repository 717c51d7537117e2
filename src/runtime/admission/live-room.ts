import type { Engine } from "../../engine/contract.ts";
import type { Clock } from "../../shared/clock.ts";

/** Whether the machine keeps up with one more live session. The engine counts those that speak; this counts those that are about to. */
export interface LiveRoom {
  /** Why one more session does not fit now, a sentence; undefined when it does. */
  refusal(): string | undefined;
  /** A session was let in: room is kept for it until it speaks, for a few seconds. */
  reserve(): LivePlace;
}

export interface LivePlace {
  /** The first audio has come. Undefined when the session may go on, else why it does not fit: its place was given up and taken by others. */
  speak(): string | undefined;
  leave(): void;
}

export function createLiveRoom(engine: Pick<Engine, "liveCapacity">, clock: Clock): LiveRoom {
  const places = new Set<{ readonly ms: number }>();

  const refusal = (): string | undefined => {
    const nowMs = clock.monotonicMs();
    for (const place of places) if (place.ms <= nowMs) places.delete(place);
    const { canOpenMore, reason } = engine.liveCapacity(places.size);
    return canOpenMore ? undefined : (reason ?? "this machine keeps up with no more live sessions");
  };

  return {
    refusal,
    reserve: () => {
      const place = { ms: clock.monotonicMs() + RESERVED_MS };
      places.add(place);
      return {
        speak: () => (places.delete(place) && place.ms > clock.monotonicMs() ? undefined : refusal()),
        leave: () => void places.delete(place),
      };
    },
  };
}

// ---

/** A client that wants to speak sends audio right after `ready`. One that only keeps a connection open must not hold others off. */
const RESERVED_MS = 5000;
