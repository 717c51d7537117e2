import type { FormattableTranscript, TimedWord } from "../../shared/transcript/transcript.ts";
import { oneLine } from "../../shared/transcript/transcript.ts";
import { stemOf, termsOf } from "./terms.ts";

/** Between words, and between the terms of one word such as кто-то. Both split terms in FTS5's `ascii` tokenizer, which keeps all other letters as they are. */
export const WORD_GAP = " ";
export const TERM_GAP = "-";
/** A word that stands between two channels: no phrase reaches over it, and no question holds it. */
export const CHANNEL_BREAK = "\u2029";

/** What is searched and shown of a transcript: the n-th word is the n-th in each of them. */
export interface IndexText {
  /** As recognised. */
  readonly words: string;
  readonly terms: string;
  readonly stems: string;
  /** Start and end of each word, milliseconds. */
  readonly times: Int32Array;
}

/** Returns the searchable form of a transcript; several are the channels of one recording. */
export function indexTextOf(transcripts: readonly FormattableTranscript[]): IndexText {
  const spoken = transcripts.flatMap((transcript, channel): (TimedWord | undefined)[] => [
    ...(channel === 0 ? [] : [undefined]),
    ...(transcript.words.length > 0 ? transcript.words : untimed(transcript)),
  ]);
  const words: string[] = [];
  const terms: string[] = [];
  const stems: string[] = [];
  const times = new Int32Array(spoken.length * 2);
  for (const [n, word] of spoken.entries()) {
    const text = word === undefined ? CHANNEL_BREAK : oneLine(word.word).replaceAll(WORD_GAP, "\u00a0");
    const own = word === undefined ? [CHANNEL_BREAK] : termsOf(text);
    words.push(text);
    terms.push(own.join(TERM_GAP));
    stems.push(own.map(stemOf).join(TERM_GAP));
    times[2 * n] = milliseconds(word?.start);
    times[2 * n + 1] = milliseconds(word?.end);
  }
  return { words: words.join(WORD_GAP), terms: terms.join(WORD_GAP), stems: stems.join(WORD_GAP), times };
}

// ---

/** An imported text may have no times. */
function untimed({ text, durationS }: FormattableTranscript): TimedWord[] {
  const plain = oneLine(text);
  return plain === "" ? [] : plain.split(" ").map((word) => ({ word, start: 0, end: durationS }));
}

function milliseconds(seconds = 0): number {
  return Math.max(0, Math.min(2 ** 31 - 1, Math.round(seconds * 1000) || 0));
}
