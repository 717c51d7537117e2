import type { HeaderlessFormat } from "../contract.ts";

export interface DecodeOptions {
  /** The bytes carry no header: read them as this. Absent = recognise the container from the content. */
  readonly headerless?: HeaderlessFormat;
  /** Longest audio taken, in milliseconds. Enforced on what the container declares and on what is really decoded. */
  readonly maxDurationMs: number;
  /** Observed before every read and every block; rejects with its reason. */
  readonly signal: AbortSignal;
}

/** Audio that is being decoded. Nothing is decoded ahead of the reader but the first block. */
export interface DecodedAudio {
  /** What was recognised: `wav`, `mp3`, `ogg-opus`, `mp4-aac`…, or the headerless codec. For logs. */
  readonly format: string;
  /** 4000..192000. */
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Seconds, when the container declares it; for progress only, the decoded samples are the truth. */
  readonly totalS: number | undefined;
  /**
   * Planar float32 in [-1, 1] without NaN, one array per channel, all of one length (1..65536 samples). The caller owns
   * the arrays. Iterate once; leaving the loop early stops the decoder and the input. Throws WireError.
   */
  readonly blocks: AsyncIterable<Float32Array[]>;
}

/** What one container's decoder hands to `decodeAudio`, before limits and sample hygiene are applied. */
export interface OpenedAudio {
  readonly format: string;
  readonly sampleRateHz: number;
  readonly channelCount: number;
  /** Frames the container declares, when it does. */
  readonly totalFrames: number | undefined;
  readonly blocks: AsyncGenerator<Float32Array[], void, undefined>;
}
