import type { Word } from "../contract.ts";
import type { FrameBuffer } from "../frames.ts";
import type { WindowResult } from "../model/protocol.ts";
import type { Span } from "../segmenter.ts";
import type { Vocabulary } from "../vocabulary.ts";
import { tokensToWords } from "../words.ts";

/** A window on its way to an inference worker. */
export interface WindowRequest {
  /** [melBins, frames]; given away. */
  readonly features: Float32Array;
  readonly frames: number;
  readonly kind: "live" | "file";
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

/** Gets windows recognised; rejects with a WireError or the signal's reason. */
export type Recognize = (request: WindowRequest) => Promise<WindowResult>;

/** What turns a span of frames into words. */
export interface SpanReader {
  read(
    frames: FrameBuffer,
    span: Span,
    options: { readonly kind: "live" | "file"; readonly withinMs: number; readonly signal: AbortSignal },
  ): Promise<Word[]>;
}

/** @param samplesPerFrame hop and window of the front end, in samples */
export function createSpanReader(
  recognize: Recognize,
  vocabulary: Vocabulary,
  frontEnd: { readonly sampleRateHz: number; readonly hopSamples: number; readonly windowSamples: number },
): SpanReader {
  const { sampleRateHz, hopSamples, windowSamples } = frontEnd;
  return {
    async read(frames, span, options) {
      const count = span.to - span.from;
      // A window that runs to the end of the audio has a tail that fills no frame: it belongs to the window's length.
      const samples =
        span.to === frames.end && span.from === 0 ? frames.samples : (count - 1) * hopSamples + windowSamples;
      const request = { features: frames.window(span.from, span.to), frames: count, ...options };
      const result = await recognize(request);
      if (result.encodedFrames === 0) return [];
      return tokensToWords(result, vocabulary, {
        startS: (span.from * hopSamples) / sampleRateHz,
        frameS: samples / sampleRateHz / result.encodedFrames,
      });
    },
  };
}
