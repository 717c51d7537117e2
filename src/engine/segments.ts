import type { Segment, Word } from "./contract.ts";
import { joinWords } from "./words.ts";

/** Segments of a transcript: they break at pauses over 0.9 s, after `.`, `!` or `?`, and at 30 s. */
export function wordsToSegments(words: readonly Word[]): Segment[] {
  const segments: Segment[] = [];
  let open: Word[] = [];
  for (const [index, word] of words.entries()) {
    open.push(word);
    const next = words[index + 1];
    const breaks =
      !next ||
      next.start - word.end > LONGEST_PAUSE_S ||
      /[.!?…]["»)]?$/.test(word.word) ||
      next.end - open[0]!.start > LONGEST_SEGMENT_S;
    if (!breaks) continue;
    segments.push({ start: open[0]!.start, end: word.end, text: joinWords(open) });
    open = [];
  }
  return segments;
}

// ---

const LONGEST_PAUSE_S = 0.9;
const LONGEST_SEGMENT_S = 30;
