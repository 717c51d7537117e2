import { editDistance } from "./edit-distance.ts";

/**
 * Returns the candidate a person most likely meant, or undefined when none is close: at most one edit for short words,
 * a third of the length for longer ones. Case and `-`/`_` do not count as edits.
 */
export function closest(word: string, candidates: Iterable<string>): string | undefined {
  // A pasted megabyte is not a typo, and the time is quadratic.
  if (word.length > 64) return undefined;
  const wanted = plain(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(wanted.length / 3)) + 1;
  for (const candidate of candidates) {
    const spelled = plain(candidate);
    // Every surplus letter is an edit.
    if (Math.abs(spelled.length - wanted.length) >= bestDistance) continue;
    const distance = editDistance(wanted, spelled, { swaps: true });
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Returns `did you mean X?`, or an empty string. */
export function didYouMean(word: string, candidates: Iterable<string>): string {
  const found = closest(word, candidates);
  return found === undefined ? "" : `did you mean ${found}?`;
}

function plain(word: string): string {
  return word.toLowerCase().replace(/[-_]/g, "");
}
