import { deflateSync } from "node:zlib";
import type { Transcript, Word } from "../../engine/contract.ts";
import { languageOf } from "../../shared/languages.ts";
import { transcriptJson } from "../../shared/transcript/json.ts";
import { segmentsInTurn, segmentsOf } from "../../shared/transcript/segments.ts";
import { speakerName } from "../../shared/transcript/subtitle-files.ts";
import { byStart } from "../../shared/transcript/transcript.ts";
import type { TimedText } from "../../shared/transcript/transcript.ts";
import { languageName } from "../language.ts";
import type { TranscriptionRequest } from "./request.ts";

/** Bodies of the JSON answers, as OpenAI's SDKs declare them. */

export function jsonAnswer(transcripts: readonly Transcript[], request: TranscriptionRequest): unknown {
  const { text, duration, warnings } = transcriptJson(transcripts);
  return {
    text,
    ...(request.wantsLogprobs ? { logprobs: logprobsOf(transcripts.flatMap(({ words }) => words)) } : {}),
    languages: languagesOf(text, request),
    usage: usageOf(duration),
    ...(warnings === undefined ? {} : { warnings }),
  };
}

export function verboseAnswer(transcripts: readonly Transcript[], request: TranscriptionRequest): unknown {
  const { text, words, duration, warnings } = transcriptJson(transcripts);
  return {
    task: "transcribe",
    language: languageName(languageOf(text, request.languages)),
    duration,
    text,
    ...(request.wantsWords ? { words: words.map(({ word, start, end }) => ({ word, start, end })) } : {}),
    ...(request.wantsSegments ? { segments: verboseSegments(transcripts) } : {}),
    usage: usageOf(duration),
    ...(warnings === undefined ? {} : { warnings }),
  };
}

/** Speakers are the channels of the recording where the request asks for them; voices in one channel are not told apart. */
export function diarizedAnswer(transcripts: readonly Transcript[], request: TranscriptionRequest): unknown {
  const { text, duration, warnings } = transcriptJson(transcripts);
  return {
    task: "transcribe",
    duration,
    text,
    segments: speakerSegments(transcripts, request),
    diarization: diarizationOf(transcripts, request),
    usage: usageOf(duration),
    ...(warnings === undefined ? {} : { warnings }),
  };
}

/** A segment of one speaker; also an event of a stream. */
export interface SpeakerSegment extends TimedText {
  readonly type: "transcript.text.segment";
  readonly id: string;
  readonly speaker: string;
}

/** Returns the segments of all channels in the order of time. */
export function speakerSegments(
  transcripts: readonly Transcript[],
  request: TranscriptionRequest,
): readonly SpeakerSegment[] {
  return segmentsInTurn(transcripts).map((segment, index) =>
    speakerSegment(segment, index, speakerOf(segment.channel ?? 0, request)),
  );
}

export function speakerSegment({ start, end, text }: TimedText, index: number, speaker: string): SpeakerSegment {
  return { type: "transcript.text.segment", id: `seg_${index}`, start, end, text, speaker };
}

/** The given name, else A to Z, then AA. */
export function speakerOf(channel: number, { speakers }: Pick<TranscriptionRequest, "speakers">): string {
  const given = speakerName(speakers, channel);
  if (given !== undefined) return given;
  const letter = String.fromCharCode(65 + (channel % 26));
  return channel < 26 ? letter : `${speakerOf(Math.floor(channel / 26) - 1, { speakers: [] })}${letter}`;
}

export function languagesOf(
  text: string,
  { languages }: Pick<TranscriptionRequest, "languages">,
): readonly { readonly code: string }[] {
  return [{ code: languageOf(text, languages) }];
}

export function usageOf(seconds: number): { readonly type: "duration"; readonly seconds: number } {
  return { type: "duration", seconds };
}

/** A word counts as a token. */
export function logprobsOf(words: readonly Pick<Word, "word" | "confidence">[]): unknown {
  return words.map(({ word, confidence }, index) => {
    const token = index === 0 ? word : ` ${word}`;
    return { token, logprob: logOf(confidence), bytes: [...new TextEncoder().encode(token)] };
  });
}

// ---

function diarizationOf(transcripts: readonly Transcript[], { splitsChannels }: TranscriptionRequest): unknown {
  if (transcripts.length > 1) return { status: "by_channel" };
  const reason = splitsChannels
    ? "the recording has one channel, and this model does not tell voices apart"
    : "this model does not tell voices apart; for one speaker per channel send channels=split or known_speaker_names[]";
  return { status: "unavailable", reason };
}

/** All ten keys of Whisper. What a transducer does not have is 0 or empty. */
function verboseSegments(transcripts: readonly Transcript[]): readonly unknown[] {
  return transcripts
    .flatMap((transcript) => withWords(segmentsOf(transcript), transcript.words))
    .sort(byStart)
    .map(({ start, end, text, words }, id) => ({
      id,
      seek: Math.floor(start * 100),
      start,
      end,
      text,
      tokens: [],
      temperature: 0,
      avg_logprob:
        words.length === 0 ? 0 : round(words.reduce((sum, word) => sum + logOf(word.confidence), 0) / words.length),
      compression_ratio: compressionRatio(text),
      no_speech_prob: 0,
    }));
}

/** Segments and words are both in the order of time. */
function withWords(segments: readonly TimedText[], words: readonly Word[]): (TimedText & { words: readonly Word[] })[] {
  let at = 0;
  return segments.map((segment, index) => {
    const from = at;
    const next = segments[index + 1]?.start ?? Infinity;
    while (at < words.length && words[at]!.start < next) at++; // in range
    return { ...segment, words: words.slice(from, at) };
  });
}

/** Whisper's sign of a text that repeats itself: above 2.4. */
function compressionRatio(text: string): number {
  const bytes = Buffer.from(text);
  return bytes.length === 0 ? 0 : round(bytes.length / deflateSync(bytes).length);
}

function logOf(confidence: number): number {
  return round(Math.log(Math.max(confidence, 1e-6)));
}

function round(value: number): number {
  return Math.round(value * 1e4) / 1e4;
}
