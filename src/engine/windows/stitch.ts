import type { Word } from "../contract.ts";

/** Two windows heard the same stretch of audio; `seamS` lies in its middle. */
export interface Seam {
  /** Words of the first window before the seam: final. */
  readonly kept: readonly Word[];
  /** Words to add once the second window has been read. */
  join(right: readonly Word[]): Word[];
}

/**
 * Joins the words of two overlapping windows: the first up to the seam, the second from there.
 * A word on the seam is kept once when both windows heard it at the same time; a repetition at another time is a repetition.
 */
export function stitchAt(seamS: number, left: readonly Word[]): Seam {
  const kept = left.filter((word) => middle(word) < seamS);
  const beyond = left.find((word) => middle(word) >= seamS);
  return {
    kept,
    join(right) {
      const added = right.filter((word) => middle(word) >= seamS);
      const before = right.filter((word) => middle(word) < seamS);
      const last = kept.at(-1);
      const missed = before.at(-1);
      const first = added[0];
      // One word that each window put on its own side, unless one of them heard it on both: then it was said twice.
      if (isSame(last, first) && !isSame(beyond, first) && !isSame(last, missed)) return added.slice(1);
      // One word that each window put on the other's side.
      if (missed && isSame(beyond, missed) && !isSame(beyond, first) && !isSame(last, missed))
        return [missed, ...added];
      return added;
    },
  };
}

// ---

/** Emission times of one word differ by a few frames between windows. */
const SAME_WORD_S = 0.3;

function middle(word: Word): number {
  return (word.start + word.end) / 2;
}

function isSame(a: Word | undefined, b: Word | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return Math.abs(middle(a) - middle(b)) < SAME_WORD_S && bare(a.word) === bare(b.word);
}

function bare(word: string): string {
  return word.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, "");
}
