import { CHANNEL_BREAK, TERM_GAP, WORD_GAP } from "./index-text.ts";
import type { IndexText } from "./index-text.ts";
import type { Condition } from "./question.ts";
import type { Hit } from "./types.ts";

/** Words shown before and after a hit. */
const AROUND = 8;

interface Span {
  /** Word numbers, the last one included. */
  readonly first: number;
  readonly last: number;
}

/** Returns where the conditions are met: the first places in time, each with its surroundings, and how many there are. */
export function hitsIn(
  text: IndexText,
  conditions: readonly Condition[],
  most: number,
): { readonly hits: readonly Hit[]; readonly matches: number } {
  const spans = conditions.flatMap((condition) => spansOf(text[condition.field], condition));
  spans.sort((a, b) => a.first - b.first || a.last - b.last);
  const hits: Hit[] = [];
  if (most > 0 && spans.length > 0) {
    const words = text.words.split(WORD_GAP);
    for (const group of groupsOf(spans, words)) {
      if (hits.length === most) break;
      hits.push(hitOf(words, text.times, group));
    }
  }
  return { hits, matches: spans.length };
}

// ---

function spansOf(haystack: string, { field, sequence }: Condition): Span[] {
  const gap = `[${WORD_GAP}${TERM_GAP}]`;
  // Terms are letters and digits: nothing in them has a meaning in a pattern.
  const pattern = `(?<![^${WORD_GAP}${TERM_GAP}])${sequence.join(`${gap}+`)}${field === "terms" ? "" : `(?!${`[^${WORD_GAP}${TERM_GAP}]`})`}`;
  const spans: Span[] = [];
  let word = 0;
  let seen = 0;
  for (const match of haystack.matchAll(new RegExp(pattern, "gu"))) {
    word += gapsIn(haystack, seen, match.index);
    const last = word + gapsIn(haystack, match.index, match.index + match[0].length);
    spans.push({ first: word, last });
    seen = match.index;
  }
  return spans;
}

function gapsIn(text: string, from: number, to: number): number {
  let count = 0;
  for (let at = text.indexOf(WORD_GAP, from); at >= 0 && at < to; at = text.indexOf(WORD_GAP, at + 1)) count++;
  return count;
}

/** Spans near each other are shown together. Not over the end of a channel. */
function* groupsOf(spans: readonly Span[], words: readonly string[]): Generator<readonly Span[]> {
  let group: Span[] = [];
  for (const span of spans) {
    const before = group.at(-1);
    const isNear =
      before !== undefined &&
      span.first - before.last <= AROUND &&
      !words.slice(before.last, span.first).includes(CHANNEL_BREAK) &&
      span.last - group[0]!.first <= 3 * AROUND; // it has a last one, so it has a first one
    if (!isNear && group.length > 0) {
      yield group;
      group = [];
    }
    group.push(span);
  }
  if (group.length > 0) yield group;
}

function hitOf(words: readonly string[], times: Int32Array, group: readonly Span[]): Hit {
  const first = group[0]!.first; // groups are never empty
  const last = Math.max(...group.map((span) => span.last));
  const breakBefore = words.lastIndexOf(CHANNEL_BREAK, first);
  const breakAfter = words.indexOf(CHANNEL_BREAK, last);
  const from = Math.max(first - AROUND, breakBefore + 1);
  const to = Math.min(last + AROUND + 1, breakAfter < 0 ? words.length : breakAfter);
  const starts: number[] = [];
  let text = "";
  for (const word of words.slice(from, to)) {
    if (text !== "" && word !== "") text += " ";
    starts.push(text.length);
    text += word;
  }
  const marks = group.map((span): readonly [number, number] => {
    const lastWord = span.last - from;
    return [starts[span.first - from]!, starts[lastWord]! + words[span.last]!.length]; // within from and to
  });
  return {
    word: first,
    startS: times[2 * first]! / 1000, // two for each word
    endS: times[2 * last + 1]! / 1000,
    text,
    marks: merged(marks),
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
