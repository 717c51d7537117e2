import { CHANNEL_BREAK, TERM_GAP, WORD_GAP } from "./index-text.ts";
import type { Condition } from "./question.ts";
import type { Hit } from "./types.ts";

/** The searchable form of a transcript as the store has it: bytes, because decoding hours of text for a page takes longer than finding its words. */
export interface StoredText {
  readonly words: Buffer;
  readonly stems: Buffer;
  /** Empty where no condition needs it. */
  readonly terms: Buffer;
  /** Start and end of each word, milliseconds, 32 bits each. */
  readonly times: Uint8Array;
}

/** Words shown before and after a hit. */
const AROUND = 8;
/** Of each condition so many places for each hit that is listed are looked at; the others are only counted. */
const LOOKED_AT = 20;

const SPACE = WORD_GAP.charCodeAt(0);
const DASH = TERM_GAP.charCodeAt(0);
const BREAK = Buffer.from(CHANNEL_BREAK);

/** Word numbers, the last one included. */
interface Span {
  readonly first: number;
  readonly last: number;
}
/** Bytes, the end not included. */
type Range = readonly [from: number, to: number];

/** Returns where the conditions are met: the first places in time, each with its surroundings, and how many there are. */
export function hitsIn(
  text: StoredText,
  conditions: readonly Condition[],
  most: number,
): { readonly hits: readonly Hit[]; readonly matches: number } {
  let matches = 0;
  const spans = conditions.flatMap((condition) => {
    const haystack = text[condition.field];
    const ranges = rangesIn(haystack, condition);
    matches += ranges.length;
    return spansOf(haystack, ranges.slice(0, most * LOOKED_AT));
  });
  if (most === 0) return { hits: [], matches };
  spans.sort((a, b) => a.first - b.first || a.last - b.last);
  const breaks = spansOf(text.stems, everyIndex(text.stems, BREAK)).map(({ first }) => first);
  const words = createWordReader(text.words);
  const hits: Hit[] = [];
  for (const group of groupsOf(spans, breaks)) {
    if (hits.length === most) break;
    hits.push(hitOf(words, text.times, group, breaks));
  }
  return { hits, matches };
}

// ---

function rangesIn(haystack: Buffer, { field, sequence }: Condition): Range[] {
  const needles = sequence.map((term) => Buffer.from(term));
  const [first] = needles;
  if (first === undefined) return [];
  const starts = startsOf(haystack, first);
  const ranges: Range[] = [];
  for (const from of starts) {
    const to = endOf(haystack, from, needles, field === "terms");
    if (to !== undefined && from >= (ranges.at(-1)?.[1] ?? 0)) ranges.push([from, to]);
  }
  return ranges;
}

/** Bytes that a term of one or two letters has: it is inside of so many words that looking for it with each gap is quicker. */
const SHORT = 4;

function startsOf(haystack: Buffer, term: Buffer): number[] {
  if (term.length > SHORT) {
    return everyIndex(haystack, term)
      .map(([at]) => at)
      .filter((at) => at === 0 || isGap(haystack[at - 1]));
  }
  const starts = haystack.subarray(0, term.length).equals(term) ? [0] : [];
  for (const gap of [WORD_GAP, TERM_GAP]) {
    for (const [at] of everyIndex(haystack, Buffer.concat([Buffer.from(gap), term]))) starts.push(at + 1);
  }
  return starts.sort((a, b) => a - b);
}

function everyIndex(haystack: Buffer, needle: Buffer): Range[] {
  const found: Range[] = [];
  for (let at = haystack.indexOf(needle); at >= 0; at = haystack.indexOf(needle, at + needle.length - 1)) {
    found.push([at, at + needle.length]);
  }
  return found;
}

/** Returns where the sequence ends that begins there; undefined when it does not go on. */
function endOf(haystack: Buffer, from: number, needles: readonly Buffer[], isBeginning: boolean): number | undefined {
  let at = from;
  for (const [n, needle] of needles.entries()) {
    if (n > 0) while (isGap(haystack[at])) at++;
    if (!haystack.subarray(at, at + needle.length).equals(needle)) return undefined;
    at += needle.length;
    const mayGoOn = isBeginning && n === needles.length - 1;
    if (!mayGoOn && at < haystack.length && !isGap(haystack[at])) return undefined;
  }
  return at;
}

function isGap(byte: number | undefined): boolean {
  return byte === SPACE || byte === DASH;
}

/** Counts words up to each range; they are in order. */
function spansOf(haystack: Buffer, ranges: readonly Range[]): Span[] {
  let word = 0;
  let seen = 0;
  return ranges.map(([from, to]) => {
    for (; seen < from; seen++) if (haystack[seen] === SPACE) word++;
    let last = word;
    for (let at = from; at < to; at++) if (haystack[at] === SPACE) last++;
    return { first: word, last };
  });
}

/** Spans near each other are shown together. Not over the end of a channel. */
function* groupsOf(spans: readonly Span[], breaks: readonly number[]): Generator<readonly Span[]> {
  let group: Span[] = [];
  for (const span of spans) {
    const before = group.at(-1);
    const isNear =
      before !== undefined &&
      span.first - before.last <= AROUND &&
      !breaks.some((at) => at > before.last && at < span.first) &&
      span.last - group[0]!.first <= 3 * AROUND; // it has a last one, so it has a first one
    if (!isNear && group.length > 0) {
      yield group;
      group = [];
    }
    group.push(span);
  }
  if (group.length > 0) yield group;
}

function hitOf(read: WordReader, times: Uint8Array, group: readonly Span[], breaks: readonly number[]): Hit {
  const first = group[0]!.first; // groups are never empty
  const last = Math.max(...group.map((span) => span.last));
  const from = Math.max(0, first - AROUND, 1 + (breaks.findLast((at) => at < first) ?? -1));
  const to = Math.min(last + AROUND + 1, breaks.find((at) => at > last) ?? Infinity);
  const words = read(from, to);
  const starts: number[] = [];
  let text = "";
  for (const word of words) {
    if (text !== "" && word !== "") text += " ";
    starts.push(text.length);
    text += word;
  }
  const marks = group.map((span): readonly [number, number] => [
    starts[span.first - from]!, // all of the group are within from and to
    starts[span.last - from]! + words[span.last - from]!.length,
  ]);
  const { buffer, byteOffset } = times;
  const secondsAt = (index: number): number => new DataView(buffer, byteOffset).getInt32(4 * index, true) / 1000;
  return { word: first, startS: secondsAt(2 * first), endS: secondsAt(2 * last + 1), text, marks: merged(marks) };
}

type WordReader = (from: number, to: number) => readonly string[];

/** Returns what reads words by number, each call from a later one. */
function createWordReader(words: Buffer): WordReader {
  let word = 0;
  let at = 0;
  return (from, to) => {
    for (; word < from && at < words.length; at++) if (words[at] === SPACE) word++;
    let end = at;
    for (let left = to - from; end < words.length; end++) if (words[end] === SPACE && --left === 0) break;
    return words.toString("utf8", at, end).split(WORD_GAP);
  };
}

/** The same words may meet two conditions. */
function merged(marks: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  const out: (readonly [number, number])[] = [];
  for (const [from, to] of marks) {
    const before = out.at(-1);
    if (before !== undefined && from < before[1]) out[out.length - 1] = [before[0], Math.max(before[1], to)];
    else out.push([from, to]);
  }
  return out;
}
