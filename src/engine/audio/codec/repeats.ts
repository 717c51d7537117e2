import { crc32Ogg } from "../input/crc.ts";

/** Notices what a recorder or a download wrote twice: the same bytes for the same time. */
export interface Repeats {
  /** @param time when it is heard, in any unit */
  isRepeat(time: number, data: Uint8Array): boolean;
  /** Another recording begins, whose times may be those of this one. */
  restart(): void;
}

export function createRepeats(): Repeats {
  const known = new Map<number, number>();
  let latest = Number.NEGATIVE_INFINITY;
  let isRepeating = false;
  return {
    isRepeat(time, data) {
      const sum = crc32Ogg(data);
      // A time that comes again with other bytes is a clock that is wrong, and so is one that stands still.
      isRepeating = (time < latest || (isRepeating && time === latest)) && known.get(time) === sum;
      if (isRepeating) return true;
      latest = Math.max(latest, time);
      known.delete(time);
      known.set(time, sum);
      if (known.size > MOST_KNOWN) known.delete(known.keys().next().value!); // it has one
      return false;
    },
    restart() {
      known.clear();
      latest = Number.NEGATIVE_INFINITY;
      isRepeating = false;
    },
  };
}

// ---

/** Five minutes of AAC packets. */
const MOST_KNOWN = 16_384;
