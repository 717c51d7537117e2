import { characters, oneLine } from "./transcript.ts";
import type { FormattableTranscript, TimedWord } from "./transcript.ts";

/** A pause longer than this separates segments and subtitles, seconds. */
export const SEGMENT_PAUSE_S = 0.9;
/**
 * No speaker says a word faster than this, in seconds per letter. A transducer's word times are where its tokens were emitted, and a long word may
 * come out as one token at its beginning: without this bound its remainder would look like a pause.
 */
const MIN_S_PER_CHAR = 0.055;

export interface SpokenWord extends TimedWord {
  /** When it can have begun at the earliest, seconds: words emitted together were said one after the other. */
  readonly spokenFrom: number;
  /** When it can have ended at the earliest, seconds; never before its `end`. */
  readonly spokenUntil: number;
}

/**
 * Returns the words with clean text and times that never run backwards. A transcript without words has its text spread over the recording, so that
 * no text is ever lost.
 */
export function spokenWords(transcript: FormattableTranscript): SpokenWord[] {
  const words = transcript.words
    .map((word) => Object.assign({}, word, { word: oneLine(word.word) }))
    .filter(({ word }) => word !== "");
  let start = 0;
  let spokenUntil = 0;
  return (words.length > 0 ? words : spread(transcript)).map((word) => {
    start = Math.max(start, finite(word.start));
    const end = Math.max(start, finite(word.end));
    const spokenFrom = Math.max(start, Math.min(spokenUntil, start + SEGMENT_PAUSE_S));
    spokenUntil = Math.max(end, spokenFrom + characters(word.word) * MIN_S_PER_CHAR);
    return Object.assign({}, word, { start, end, spokenFrom, spokenUntil });
  });
}

/** Returns whether a pause separates the two words. */
export function isPauseBetween(word: SpokenWord, next: SpokenWord): boolean {
  return next.start - word.spokenUntil > SEGMENT_PAUSE_S;
}

/** Returns whether a sentence ends with this word, inside closing quotes and brackets too. */
export function endsSentence(word: string): boolean {
  return /[.!?…]["'»”’)\]]*$/.test(word);
}

function spread({ text, durationS }: FormattableTranscript): TimedWord[] {
  const words = oneLine(text)
    .split(" ")
    .filter((word) => word !== "");
  const total = words.reduce((sum, word) => sum + characters(word), 0);
  const perCharacterS = finite(durationS) / Math.max(1, total);
  let start = 0;
  return words.map((word) => {
    const end = start + characters(word) * perCharacterS;
    const timed = { word, start, end };
    start = end;
    return timed;
  });
}

function finite(seconds: number): number {
  return Number.isFinite(seconds) ? Math.max(0, seconds) : 0;
}
