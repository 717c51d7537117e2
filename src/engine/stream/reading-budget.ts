/**
 * What the encoder may still see of a stream: finals are always read, partials from what is left. All numbers are feature frames (10 ms).
 * Audio is the only income. However a client cuts, hurries or repeats it, the encoder sees at most 3.4 times what was sent and 6 s more, and the last second reading.
 */
export interface ReadingBudget {
  /** The longest partial that may be read now. */
  readonly left: number;
  /**
   * Adds one more frame of audio.
   *
   * @param pending frames of the window that is open: its final is still to be read
   */
  heard(pending: number): void;
  /** Takes frames that are read, by a partial or by a final. */
  spend(frames: number): void;
  /** Takes frames that are read a second time. They are paid off little by little: partials become fewer, and do not stop. */
  owe(frames: number): void;
}

export function createReadingBudget(): ReadingBudget {
  let balance = MOST_SAVED_FRAMES;
  let reserved = 0;
  let owed = 0;
  return {
    get left() {
      return balance - reserved;
    },
    heard(pending) {
      reserved = pending;
      const paid = Math.min(owed, MOST_PAID_OFF);
      owed -= paid;
      balance = Math.min(MOST_SAVED_FRAMES + reserved, balance + READINGS - paid);
    },
    spend: (frames) => {
      balance -= frames;
    },
    owe: (frames) => {
      owed += frames;
    },
  };
}

// ---

/** How often the encoder may see a second of a stream. The promise is 3.5; the rest is for the first words of short streams. */
export const READINGS = 3.4;
/** What silence leaves for the words after it. With 3 s words of dialog are visible after 1.5 s (p95, one stream), with 6 s after 1.0 (ADR 0041). */
const MOST_SAVED_FRAMES = 600;
/** At least 1, or second readings of every window were never paid off; what is left of `READINGS` after a final keeps partials coming. */
const MOST_PAID_OFF = 1.2;
