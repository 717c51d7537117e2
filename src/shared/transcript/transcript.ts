import type { AudioWarning } from "../audio-problem.ts";

/** A word with its times in seconds. The structural core of the engine's `Word`. */
export interface TimedWord {
  readonly word: string;
  readonly start: number;
  readonly end: number;
  readonly confidence?: number;
}

/** A stretch of text. Times in seconds. */
export interface TimedText {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What the exports need of a transcript; the engine's `Transcript` fits. */
export interface FormattableTranscript {
  readonly text: string;
  readonly words: readonly TimedWord[];
  /** Seconds of audio. */
  readonly durationS: number;
  readonly confidence?: number | undefined;
  readonly warnings?: readonly AudioWarning[];
}

/** Orders by start; equal starts keep their order. */
export function byStart(a: { readonly start: number }, b: { readonly start: number }): number {
  return a.start - b.start;
}

/** Returns the text of all channels, a line for each that has text. */
export function joinTexts(transcripts: readonly FormattableTranscript[]): string {
  return transcripts
    .map(({ text }) => oneLine(text))
    .filter((text) => text !== "")
    .join("\n");
}

/** Returns the text on one line: without control characters, and without the invisible ones that reverse the direction of what follows. */
export function oneLine(text: string): string {
  return text
    .replace(/\p{Bidi_Control}/gu, "")
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim();
}

/** Returns the length as a reader counts it: code points, not UTF-16 units. */
export function characters(text: string): number {
  return Array.from(text).length;
}
