import type { FormattableTranscript, TimedWord } from "../../shared/transcript/transcript.ts";

/** A paragraph: one utterance. Its number never changes, whatever is edited. */
export interface Paragraph {
  readonly id: number;
  readonly words: readonly TimedWord[];
}

/** A transcript as the page holds and stores it. */
export interface Transcript {
  readonly id: string;
  /** File name, or the title of a live session. Shown as text, never as markup. */
  readonly name: string;
  readonly addedMs: number;
  readonly durationS: number;
  readonly paragraphs: readonly Paragraph[];
  /** Sentences of the server about audio that was repaired or left out. */
  readonly warnings: readonly string[];
}

export function textOf({ words }: Pick<Paragraph, "words">): string {
  return words.map(({ word }) => word).join(" ");
}

/** Returns what the exports of the server take, so that a downloaded file is the same as the server's. */
export function forExport(transcript: Transcript): FormattableTranscript {
  const words = transcript.paragraphs.flatMap((paragraph) => paragraph.words);
  const end = words.at(-1)?.end ?? 0;
  return {
    text: transcript.paragraphs.map(textOf).filter(Boolean).join(" "),
    words,
    durationS: Math.max(transcript.durationS, end),
  };
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
