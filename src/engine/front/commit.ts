import type { CommitPolicy } from "../../config/types.ts";
import type { Word } from "../contract.ts";

/**
 * How many leading words of `current` may be committed: those that two consecutive partials agree on and that ended
 * long enough before the end of the audio, because the last words still change when more is heard.
 *
 * @param heardUntilS where the audio of `current` ends
 */
export function countStable(
  policy: CommitPolicy,
  previous: readonly Word[],
  current: readonly Word[],
  heardUntilS: number,
): number {
  if (policy === "on_finalize") return 0;
  const margin = policy === "auto" ? AUTO_MARGIN_S : STABLE_MARGIN_S;
  let count = 0;
  while (
    count < current.length &&
    current[count]!.word === previous[count]?.word &&
    current[count]!.end + margin <= heardUntilS
  ) {
    count++;
  }
  return count;
}

/**
 * The words of an utterance once it was read again: what was committed stays to the letter, the rest is new.
 * Usually `heard` begins with the committed words; where it does not, what comes after them in time is taken.
 */
export function mergeCommitted(committed: readonly Word[], heard: readonly Word[]): Word[] {
  let same = 0;
  while (same < committed.length && heard[same]?.word === committed[same]!.word) same++;
  // The newer reading has the better times and confidences.
  if (same === committed.length) return [...heard];
  const lastEnd = committed.at(-1)!.end;
  return [...committed, ...heard.filter((word) => (word.start + word.end) / 2 > lastEnd)];
}

// ---

const AUTO_MARGIN_S = 0.8;
const STABLE_MARGIN_S = 0.4;
