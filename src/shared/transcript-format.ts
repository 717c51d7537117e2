import type { TranscriptFormat } from "./protocol.ts";

import type { AudioWarning } from "./audio-problem.ts";

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

/** What the formatter needs of a transcript; the engine's `Transcript` fits. */
export interface FormattableTranscript {
  readonly text: string;
  readonly words: readonly TimedWord[];
  /** Seconds of audio. */
  readonly durationS: number;
  readonly confidence?: number | undefined;
  readonly warnings?: readonly AudioWarning[];
}

export interface FormatOptions {
  /** Longest subtitle line in characters; a longer single word stands alone. Default 80. */
  readonly maxCharsPerLine?: number;
  /** Default 14. */
  readonly maxWordsPerLine?: number;
  /** JSON only: adds `segments`. */
  readonly segments?: boolean;
}

/** Breaks of a segment: a pause longer than this, in seconds. */
export const SEGMENT_PAUSE_S = 0.9;
/**
 * No speaker says a word faster than this, in seconds per letter. A transducer's word times are where its tokens were emitted, and a long word may
 * come out as one token at its beginning: without this bound its remainder would look like a pause.
 */
const MIN_S_PER_CHAR = 0.055;
/** Longest segment, in seconds (a longer single word stands alone). */
export const SEGMENT_MAX_S = 30;

const DEFAULT_MAX_CHARS = 80;
const DEFAULT_MAX_WORDS = 14;

/**
 * Returns the transcript as a text in the given format, ending with a newline (an empty `txt` is just empty).
 * Several transcripts are the channels of one recording: subtitles are merged by time and say the channel.
 */
export function formatTranscript(
  transcripts: readonly FormattableTranscript[],
  format: TranscriptFormat,
  options: FormatOptions = {},
): string {
  switch (format) {
    case "json":
      return `${JSON.stringify(transcriptJson(transcripts, options))}\n`;
    case "txt":
      return renderTxt(transcripts);
    case "srt":
      return renderSrt(cuesOf(transcripts, options));
    case "vtt":
      return renderVtt(cuesOf(transcripts, options));
    case "md":
      return renderMarkdown(transcripts);
  }
}

export interface JsonWord extends TimedWord {
  /** From 0; only when the channels were transcribed on their own. */
  readonly channel?: number;
}

/** The body of `POST /v1/transcribe`. */
export interface TranscriptJson {
  readonly text: string;
  readonly words: readonly JsonWord[];
  /** Seconds. */
  readonly duration: number;
  readonly confidence?: number;
  readonly segments?: readonly (TimedText & { readonly channel?: number })[];
  /** What was repaired or left out of the audio; absent when there was nothing to tell. */
  readonly warnings?: readonly AudioWarning[];
  /** Only when the channels were transcribed on their own. */
  readonly channels?: readonly (TranscriptJson & { readonly channel: number })[];
}

/**
 * Returns the JSON form. One transcript: `text`, `words`, `duration`, `confidence` and `segments` when asked.
 * Several: the same keys over all channels (words and segments in time order, each with its `channel`), and `channels` with each on its own.
 */
export function transcriptJson(
  transcripts: readonly FormattableTranscript[],
  options: Pick<FormatOptions, "segments"> = {},
): TranscriptJson {
  const one = (transcript: FormattableTranscript): TranscriptJson => ({
    text: transcript.text,
    words: transcript.words,
    duration: roundMs(transcript.durationS),
    ...(transcript.confidence === undefined ? {} : { confidence: transcript.confidence }),
    ...(options.segments ? { segments: segmentsOf(transcript) } : {}),
  });
  const [first] = transcripts;
  const warnings = first?.warnings?.length ? { warnings: first.warnings } : {};
  if (transcripts.length === 1 && first) return { ...one(first), ...warnings };
  const channels = transcripts.map((transcript, channel) => Object.assign({ channel }, one(transcript)));
  const words = channels.flatMap(({ channel, words }) => words.map((word) => Object.assign({}, word, { channel })));
  const confidence = meanConfidence(words);
  return {
    text: joinTexts(transcripts),
    words: words.sort(byStart),
    duration: roundMs(Math.max(0, ...transcripts.map(({ durationS }) => durationS))),
    ...(confidence === undefined ? {} : { confidence }),
    ...(options.segments
      ? {
          segments: channels
            .flatMap(({ channel, segments = [] }) => segments.map((segment) => Object.assign({}, segment, { channel })))
            .sort(byStart),
        }
      : {}),
    ...warnings,
    channels,
  };
}

/** Returns the segments of a transcript: broken at pauses over 0.9 s, after `.`, `!`, `?` and before 30 s are exceeded. */
export function segmentsOf(transcript: FormattableTranscript): TimedText[] {
  return groupSegments(timedWords(transcript)).map((words) => textOf(words, words.at(-1)?.end ?? 0));
}

// --- subtitles

interface Cue extends TimedText {
  readonly channel: number | undefined;
}

function cuesOf(transcripts: readonly FormattableTranscript[], options: FormatOptions): Cue[] {
  const maxChars = Math.max(1, options.maxCharsPerLine ?? DEFAULT_MAX_CHARS);
  const maxWords = Math.max(1, options.maxWordsPerLine ?? DEFAULT_MAX_WORDS);
  const cues = transcripts.flatMap((transcript, index) =>
    withoutOverlap(
      transcript.durationS,
      groupSegments(timedWords(transcript))
        .flatMap((segment) => splitLines(segment, maxChars, maxWords))
        .map((line) => textOf(line, line.at(-1)?.spokenUntil ?? 0)),
    ).map((line) => Object.assign({ channel: transcripts.length > 1 ? index : undefined }, line)),
  );
  return cues.sort(byStart);
}

/** Two lines of one speaker never share the screen, and none outlasts the recording: an end beyond is pulled back. */
function withoutOverlap(durationS: number, lines: readonly TimedText[]): TimedText[] {
  return lines.map((line, index) => {
    const next = lines[index + 1];
    const start = Math.max(0, line.start);
    const bound = next && next.start > start ? next.start : Math.max(durationS, start);
    const end = Math.min(line.end, bound);
    // WebVTT refuses a cue whose end is not after its start.
    return { start, end: Math.max(end, start + 0.001), text: line.text };
  });
}

function groupSegments(words: readonly SpokenWord[]): SpokenWord[][] {
  const groups: SpokenWord[][] = [];
  let current: SpokenWord[] = [];
  for (const word of words) {
    const first = current[0];
    const last = current.at(-1);
    const breaks =
      last !== undefined &&
      first !== undefined &&
      (endsSentence(last.word) ||
        word.start - last.spokenUntil > SEGMENT_PAUSE_S ||
        word.end - first.start > SEGMENT_MAX_S);
    if (breaks) {
      groups.push(current);
      current = [];
    }
    current.push(word);
  }
  if (current.length > 0) groups.push(current);
  return groups;
}

function splitLines(words: readonly SpokenWord[], maxChars: number, maxWords: number): SpokenWord[][] {
  const lines: SpokenWord[][] = [];
  let line: SpokenWord[] = [];
  let length = 0;
  for (const word of words) {
    const wordLength = characters(word.word);
    if (line.length > 0 && (line.length >= maxWords || length + 1 + wordLength > maxChars)) {
      lines.push(line);
      line = [];
      length = 0;
    }
    length += (line.length > 0 ? 1 : 0) + wordLength;
    line.push(word);
  }
  if (line.length > 0) lines.push(line);
  return lines;
}

function renderSrt(cues: readonly Cue[]): string {
  return cues
    .map(
      (cue, index) =>
        // SRT has no escape; an arrow inside the text would be read as a new cue by line-based parsers.
        `${index + 1}\n${clock(cue.start, ",")} --> ${clock(cue.end, ",")}\n${labelled(cue).replaceAll("-->", "→")}\n`,
    )
    .join("\n");
}

function renderVtt(cues: readonly Cue[]): string {
  const blocks = cues.map((cue) => {
    const voice = cue.channel === undefined ? "" : `<v Channel ${cue.channel + 1}>`;
    return `\n${clock(cue.start, ".")} --> ${clock(cue.end, ".")}\n${voice}${escapeVtt(cue.text)}\n`;
  });
  return `WEBVTT\n${blocks.join("")}`;
}

function escapeVtt(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

// --- plain text and Markdown

function renderTxt(transcripts: readonly FormattableTranscript[]): string {
  const text = joinTexts(transcripts);
  return text === "" ? "" : `${text}\n`;
}

function joinTexts(transcripts: readonly FormattableTranscript[]): string {
  return transcripts
    .map(({ text }) => oneLine(text))
    .filter((text) => text !== "")
    .join("\n");
}

function renderMarkdown(transcripts: readonly FormattableTranscript[]): string {
  return transcripts
    .map((transcript, index) => {
      const heading = transcripts.length > 1 ? `## Channel ${index + 1}\n\n` : "";
      const lines = segmentsOf(transcript).map(
        ({ start, text }) => `**${clock(start, ".").slice(0, -4)}** ${escapeMarkdown(text)}\n`,
      );
      return heading + lines.join("\n");
    })
    .filter((text) => text !== "")
    .join("\n");
}

function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~]/g, String.raw`\$&`);
}

// --- small things

interface SpokenWord extends TimedWord {
  /** When the word can have ended at the earliest, seconds; never before its `end`. */
  readonly spokenUntil: number;
}

/** Words with clean text; a transcript without words becomes one long word, so that no text is ever lost. */
function timedWords(transcript: FormattableTranscript): SpokenWord[] {
  let spokenUntil = 0;
  const words = transcript.words
    .map((word) => Object.assign({}, word, { word: oneLine(word.word) }))
    .filter(({ word }) => word !== "")
    .map((word) => {
      // Words emitted together were said one after the other.
      const from = Math.max(word.start, Math.min(spokenUntil, word.start + SEGMENT_PAUSE_S));
      spokenUntil = Math.max(word.end, from + characters(word.word) * MIN_S_PER_CHAR);
      return Object.assign(word, { spokenUntil });
    });
  const text = oneLine(transcript.text);
  if (words.length > 0 || text === "") return words;
  const end = Math.max(0, transcript.durationS);
  return [{ word: text, start: 0, end, spokenUntil: end }];
}

function textOf(words: readonly TimedWord[], end: number): TimedText {
  return { start: words[0]?.start ?? 0, end, text: words.map(({ word }) => word).join(" ") };
}

function endsSentence(word: string): boolean {
  return /[.!?…]["'»”’)\]]*$/.test(word);
}

function labelled(cue: Cue): string {
  return cue.channel === undefined ? cue.text : `[${cue.channel + 1}] ${cue.text}`;
}

/** `HH:MM:SS.mmm`, rounded to the millisecond before it is taken apart (59.9996 is one minute, not 59 s and 1000 ms). */
function clock(seconds: number, separator: "," | "."): string {
  const totalMs = Number.isFinite(seconds) ? Math.max(0, Math.round(seconds * 1000)) : 0;
  const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");
  const ms = String(totalMs % 1000).padStart(3, "0");
  return `${two(totalMs / 3_600_000)}:${two((totalMs / 60_000) % 60)}:${two((totalMs / 1000) % 60)}${separator}${ms}`;
}

function meanConfidence(words: readonly TimedWord[]): number | undefined {
  const known = words.flatMap(({ confidence }) => (confidence === undefined ? [] : [confidence]));
  if (known.length === 0) return undefined;
  return Math.round((known.reduce((sum, value) => sum + value, 0) / known.length) * 1e4) / 1e4;
}

function oneLine(text: string): string {
  return text.replace(/[\s\p{Cc}]+/gu, " ").trim();
}

function characters(text: string): number {
  return Array.from(text).length;
}

function roundMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function byStart(a: { readonly start: number }, b: { readonly start: number }): number {
  return a.start - b.start;
}
