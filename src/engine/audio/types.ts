import type { AudioWarning, AudioWarningCode } from "../../shared/audio-problem.ts";
import type { HeaderlessFormat } from "../contract.ts";

export interface DecodeOptions {
  /** The bytes carry no header: read them as this. Absent = recognise the container from the content. */
  readonly headerless?: HeaderlessFormat;
  /** Longest audio taken, in milliseconds. Enforced on what the container declares and on what is really decoded. */
  readonly maxDurationMs: number;
  /** Which of several audio tracks: its number from 0, or its ISO 639 language. Absent = the default one. */
  readonly track?: string;
  /** Ends with an error where the audio is truncated or damaged, instead of with a warning. Default false. */
  readonly strict?: boolean;
  /** Observed before every read and every block; rejects with its reason. */
  readonly signal: AbortSignal;
}

/** What a container's reader is given besides the bytes. */
export interface OpenContext {
  readonly maxDurationMs: number;
  /** Which of several audio tracks: its number from 0, or its language; undefined = the default one. */
  readonly track: string | undefined;
  /** Notes what was repaired or left out. Throws in strict mode when audio is missing. */
  warn(code: AudioWarningCode, message: string): void;
}

/** Planar float32, one array per channel, all of one length. Rate and channel count may change from block to block. */
export interface AudioBlock {
  readonly sampleRateHz: number;
  readonly channels: Float32Array[];
  /** WAVE mask of the speakers that the channels are for, in its order; undefined = not named. */
  readonly speakers?: number;
}

/** Audio that is being decoded. Nothing is decoded ahead of the reader but the first block. */
export interface DecodedAudio {
  /** What was recognised: `wav`, `mp3`, `ogg-opus`, `mp4-aac`…, or the headerless codec. For logs. */
  readonly format: string;
  /** Of the first block, 4000..192000. */
  readonly sampleRateHz: number;
  /** Of the first block. */
  readonly channelCount: number;
  /** What was repaired or left out; complete when `blocks` has ended. */
  readonly warnings: readonly AudioWarning[];
  /** Adds to `warnings` what the reader of the blocks finds. */
  readonly warn: OpenContext["warn"];
  /** Seconds, when the container declares it; for progress only, the decoded samples are the truth. */
  readonly totalS: number | undefined;
  /**
   * Samples in [-1, 1] without NaN, 1..65536 a block. The caller owns the arrays. Iterate once; leaving the loop early
   * stops the decoder and the input. Throws AudioError.
   */
  readonly blocks: AsyncIterable<AudioBlock>;
}

/** What one container's decoder hands to `decodeAudio`, before limits and sample hygiene are applied. */
export interface OpenedAudio {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Frames the container declares, at the first rate, when it does. More than the limit refuses the file unread. */
  readonly totalFrames: number | undefined;
  readonly blocks: AsyncGenerator<AudioBlock, void, undefined>;
}
