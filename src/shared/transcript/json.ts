import type { AudioWarning } from "../audio-problem.ts";
import { segmentsOf } from "./segments.ts";
import { byStart, joinTexts } from "./transcript.ts";
import type { FormattableTranscript, TimedText, TimedWord } from "./transcript.ts";

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

export interface JsonOptions {
  /** Adds `segments`. */
  readonly segments?: boolean;
}

/**
 * Returns the JSON form. One transcript: `text`, `words`, `duration`, `confidence` and `segments` when asked.
 * Several: the same keys over all channels (words and segments in time order, each with its `channel`), and `channels` with each on its own.
 */
export function transcriptJson(
  transcripts: readonly FormattableTranscript[],
  options: JsonOptions = {},
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

function meanConfidence(words: readonly TimedWord[]): number | undefined {
  const known = words.flatMap(({ confidence }) => (confidence === undefined ? [] : [confidence]));
  if (known.length === 0) return undefined;
  return Math.round((known.reduce((sum, value) => sum + value, 0) / known.length) * 1e4) / 1e4;
}

function roundMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}
