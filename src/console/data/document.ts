import type { FormattableTranscript, TimedWord } from "../../shared/transcript/transcript.ts";

/** A paragraph: one utterance. Its number never changes, whatever is edited. */
export interface Paragraph {
  readonly id: number;
  readonly words: readonly TimedWord[];
  /** From 0; only of recordings whose channels were read on their own. */
  readonly channel?: number;
}

/** A transcript as the page holds and stores it. */
export interface Transcript {
  readonly id: string;
  /** File name, or the title of a live session. Shown as text, never as markup. */
  readonly name: string;
  readonly addedMs: number;
  readonly durationS: number;
  readonly paragraphs: readonly Paragraph[];
  /** Shape of the recording, 0..255, as the server saw it while it decoded. */
  readonly peaks?: readonly number[];
  /** Names that a person gave to the channels. */
  readonly speakers?: readonly string[];
  /** Sentences of the server about audio that was repaired or left out. */
  readonly warnings: readonly string[];
}

export function textOf({ words }: Pick<Paragraph, "words">): string {
  return words.map(({ word }) => word).join(" ");
}

/** Returns what the exports of the server take, one for each channel, so that a downloaded file is the same as the server's. */
export function forExport(transcript: Transcript): readonly FormattableTranscript[] {
  return Array.from({ length: channelCount(transcript) }, (_, channel) => {
    const paragraphs = transcript.paragraphs.filter((paragraph) => (paragraph.channel ?? 0) === channel);
    const words = paragraphs.flatMap((paragraph) => paragraph.words);
    return {
      text: paragraphs.map(textOf).filter(Boolean).join(" "),
      words,
      durationS: Math.max(transcript.durationS, words.at(-1)?.end ?? 0),
    };
  });
}

/** Returns how many channels were read on their own; 1 for a mix. */
export function channelCount({ paragraphs }: Pick<Transcript, "paragraphs">): number {
  return paragraphs.reduce((count, { channel = 0 }) => Math.max(count, channel + 1), 1);
}

/** Returns the paragraphs with one more, in the order in which they were said: channels are read side by side. */
export function withParagraph(paragraphs: readonly Paragraph[], added: Omit<Paragraph, "id">): readonly Paragraph[] {
  const id = paragraphs.reduce((last, paragraph) => Math.max(last, paragraph.id), 0) + 1;
  const start = added.words[0]?.start ?? 0;
  const before = paragraphs.findLastIndex(({ words }) => (words[0]?.start ?? 0) <= start) + 1;
  return [...paragraphs.slice(0, before), { ...added, id }, ...paragraphs.slice(before)];
}

/** Returns the place of the word at a time: the last one that has begun. */
export function wordAt(
  paragraphs: readonly Paragraph[],
  timeS: number,
): { paragraph: number; word: number } | undefined {
  let found: { paragraph: number; word: number } | undefined;
  let low = 0;
  let high = paragraphs.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const words = paragraphs[middle]?.words ?? [];
    if ((words[0]?.start ?? 0) <= timeS) {
      const word = words.findLastIndex(({ start }) => start <= timeS);
      if (word >= 0) found = { paragraph: middle, word };
      low = middle + 1;
    } else high = middle - 1;
  }
  return found;
}
