import type { CommitPolicy } from "../../config/types.ts";
import type { Word } from "../contract.ts";

/**
 * How many leading words of `current` may be committed: those that consecutive partials agree on and that ended long
 * enough before the end of the audio, because the last words still change when more is heard.
 *
 * @param earlier the partials before, the newest first
 * @param heardUntilS where the audio of `current` ends
 */
export function countStable(
  policy: CommitPolicy,
  earlier: readonly (readonly Word[])[],
  current: readonly Word[],
  heardUntilS: number,
): number {
  if (policy === "on_finalize") return 0;
  const { agreeing, marginS } = RULES[policy];
  if (earlier.length < agreeing - 1) return 0;
  const others = earlier.slice(0, agreeing - 1);
  let count = 0;
  while (count < current.length) {
    const { word, end } = current[count]!;
    if (end + marginS > heardUntilS || others.some((partial) => partial[count]?.word !== word)) break;
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

/**
 * Measured on the evaluation clips with partials every 0.3 s (word error rate of the finals, 3.27 % without commits):
 * 2 partials and 0.4 s: 5.99 %, 80 % of the words committed early; 2 and 0.8 s: 4.63 %, 82 %; 3 and 1.2 s: 3.27 %, 70 %.
 */
const RULES = {
  auto: { agreeing: 3, marginS: 1.2 },
  stable_prefix: { agreeing: 2, marginS: 0.8 },
} as const;

/** Partials that any rule looks back on. */
export const PARTIALS_KEPT = 2;
