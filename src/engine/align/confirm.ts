import type { Expected } from "../acoustic/head.ts";
import type { Tokens } from "../acoustic/words.ts";
import type { Vocabulary } from "../acoustic/vocabulary.ts";
import { alignTokens, type Recognised } from "./align.ts";
import { fit, PAUSE, soundsOf } from "./letter-sounds.ts";
import { observe, STEP_FRAMES } from "./observe.ts";

/**
 * The reading with hot words (`recognised.tokens`) where it has a phrase that fits the sound, letter by letter, at least as well as the words of the
 * reading without them; elsewhere the one without. Its spans are those of `alignTokens`.
 */
export function confirmBySound(recognised: Recognised, { plain, inPhrases }: Expected, vocabulary: Vocabulary): Tokens {
  const hot = recognised.tokens;
  const [heard, wanted] = [wordsOf(plain, vocabulary), wordsOf(hot, vocabulary)];
  const changes = changesOf(heard, wanted);
  const observed = observe(recognised.features, recognised.melBins, recognised.frames);
  const aligned = (tokens: Tokens): Tokens => ({
    ...tokens,
    spans: alignTokens({ ...recognised, tokens }, vocabulary, observed),
  });
  const kept = aligned(hot);
  if (changes.length === 0 || kept.spans === undefined) return kept;
  const usual = aligned(plain);
  if (usual.spans === undefined) return kept;
  const accepted = changes.filter(({ from, to, by }) => {
    const [left, right] = [heard.slice(from, to), wanted.slice(by.from, by.to)];
    if (!right.some((word) => inPhrases.subarray(word.from, word.to).includes(1))) return false;
    const bounds = [boundsOf(left, usual.spans!), boundsOf(right, kept.spans!)].filter((bound) => bound !== undefined);
    const steps = Math.floor(recognised.frames / STEP_FRAMES);
    const first = Math.max(0, Math.min(...bounds.map((bound) => bound.first)) - ROOM_STEPS);
    const end = Math.min(steps, Math.max(...bounds.map((bound) => bound.end)) + ROOM_STEPS);
    // Where nothing was heard there is nothing to be harmed.
    return left.length === 0 || soundScore(right, observed, first, end) >= soundScore(left, observed, first, end);
  });
  if (accepted.length === changes.length) return kept;
  if (accepted.length === 0) return usual;
  const ids: number[] = [];
  const frames: number[] = [];
  const probabilities: number[] = [];
  const take = (tokens: Tokens, words: readonly Spoken[]): void => {
    for (const { from, to } of words)
      for (let k = from; k < to; k++) {
        ids.push(tokens.ids[k]!);
        frames.push(Math.max(frames.at(-1) ?? 0, tokens.frames[k]!));
        probabilities.push(tokens.probabilities[k]!);
      }
  };
  let at = 0;
  for (const { from, to, by } of accepted) {
    take(plain, heard.slice(at, from));
    take(hot, wanted.slice(by.from, by.to));
    at = to;
  }
  take(plain, heard.slice(at));
  return aligned({
    ids: Int32Array.from(ids),
    frames: Int32Array.from(frames),
    probabilities: Float32Array.from(probabilities),
  });
}

// ---

/** The ends of words are known to about so much: 20 ms a step. */
const ROOM_STEPS = 1;

/** A word: its tokens, its letters without case and signs, its sounds. */
interface Spoken {
  readonly from: number;
  readonly to: number;
  readonly text: string;
  readonly sounds: readonly number[];
}

/** Words `from` to `to` of one reading stand where `by` of the other one do. */
interface Change {
  readonly from: number;
  readonly to: number;
  readonly by: { readonly from: number; readonly to: number };
}

function wordsOf({ ids }: Tokens, { pieces, hidden }: Vocabulary): Spoken[] {
  const words: Spoken[] = [];
  let from = 0;
  const pieceOf = (id: number): string => (hidden.has(id) ? "" : (pieces[id] ?? "").replaceAll(" ", "▁"));
  for (let to = 1; to <= ids.length; to++) {
    if (to < ids.length && !pieceOf(ids[to]!).startsWith("▁")) continue;
    const own = [...ids.subarray(from, to)].map(pieceOf);
    const text = own
      .join("")
      .toLowerCase()
      .replace(/[^\p{L}\p{N}]/gu, "");
    words.push({ from, to, text, sounds: own.flatMap(soundsOf) });
    from = to;
  }
  return words;
}

/** Where two readings differ, by the longest sequence of words that both hold. */
function changesOf(left: readonly Spoken[], right: readonly Spoken[]): Change[] {
  const width = right.length + 1;
  const common = new Int32Array((left.length + 1) * width);
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      common[i * width + j] =
        left[i]!.text === right[j]!.text
          ? common[(i + 1) * width + j + 1]! + 1
          : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const changes: Change[] = [];
  let [i, j, from, byFrom] = [0, 0, 0, 0];
  const flush = (): void => {
    if (i > from || j > byFrom) changes.push({ from, to: i, by: { from: byFrom, to: j } });
  };
  while (i < left.length && j < right.length) {
    if (left[i]!.text === right[j]!.text) {
      flush();
      [from, byFrom] = [++i, ++j];
    } else if (common[(i + 1) * width + j]! >= common[i * width + j + 1]!) i++;
    else j++;
  }
  [i, j] = [left.length, right.length];
  flush();
  return changes;
}

function boundsOf(words: readonly Spoken[], spans: Int32Array): { first: number; end: number } | undefined {
  if (words.length === 0) return undefined;
  const [first, last] = [words[0]!.from, words.at(-1)!.to - 1];
  return { first: Math.round(spans[2 * first]! / STEP_FRAMES), end: Math.round(spans[2 * last + 1]! / STEP_FRAMES) };
}

/** How well the sounds of words, with a pause before and behind if it helps, fit the steps of a stretch: natural log of the best path. */
function soundScore(words: readonly Spoken[], observed: Float64Array, first: number, end: number): number {
  const sounds = [PAUSE, ...words.flatMap((word) => word.sounds), PAUSE];
  const count = sounds.length;
  if (count === 2 || end - first < count - 2) return -Infinity;
  const best = new Float64Array(count).fill(-Infinity);
  for (let step = first; step < end; step++) {
    for (let at = count - 1; at >= 0; at--) {
      const entered = step === first ? (at <= 1 ? 0 : -Infinity) : Math.max(best[at]!, best[at - 1] ?? -Infinity);
      best[at] = entered + fit(sounds[at]!, observed, step);
    }
  }
  return Math.max(best[count - 1]!, best[count - 2]!);
}
