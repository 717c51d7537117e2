import type { Word } from "../contract.ts";
import type { FrameBuffer } from "../features/frame-buffer.ts";
import type { WindowResult } from "../acoustic/protocol.ts";
import type { Span } from "./segmenter.ts";
import { createVocabulary } from "../acoustic/vocabulary.ts";
import type { AudioSettings } from "../thread/protocol.ts";
import { calibrated, tokensToWords } from "../acoustic/words.ts";

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

export interface ReadOptions {
  readonly kind: "live" | "file";
  readonly withinMs: number;
  readonly signal: AbortSignal;
}

export interface FinalOptions extends ReadOptions {
  /** So many frames are read a second time. */
  readonly onReadAgain?: (frames: number) => void;
}

/** What turns a span of frames into words. */
export interface SpanReader {
  /** One reading: for partials. */
  read(frames: FrameBuffer, span: Span, options: ReadOptions): Promise<Word[]>;
  /**
   * The reading that counts. Where a model says that it is unsure, the window is read once more from half an encoder frame later and the
   * surer of the two is taken: which sounds share an encoder frame is chance, and it decides close calls.
   * The window at a recording's beginning starts where models are trained to start, and is read once.
   */
  readFinal(frames: FrameBuffer, span: Span, options: FinalOptions): Promise<Word[]>;
}

export function createSpanReader(recognize: Recognize, settings: AudioSettings): SpanReader {
  const { sampleRateHz, hopSamples, windowSamples } = settings.frontEnd;
  const vocabulary = createVocabulary(settings.pieces);
  const unsureBelow = (settings.windows.rereadBelowPercent ?? 0) / 100;
  const slope = (settings.windows.confidenceSlopePercent ?? 100) / 100;
  const shiftFrames = settings.subsampling >> 1;

  function ask(frames: FrameBuffer, span: Span, options: ReadOptions): Promise<WindowResult> {
    const count = span.to - span.from;
    return recognize({ features: frames.window(span.from, span.to), frames: count, ...options });
  }

  function toWords(result: WindowResult, span: Span, samples: number): Word[] {
    if (result.encodedFrames === 0) return [];
    const words = tokensToWords(result, vocabulary, {
      startS: (span.from * hopSamples) / sampleRateHz,
      hopS: hopSamples / sampleRateHz,
      frameS: samples / sampleRateHz / result.encodedFrames,
    });
    return slope === 1 ? words : words.map((word) => ({ ...word, confidence: calibrated(word.confidence, slope) }));
  }

  /** A window that is the whole recording has a tail that fills no frame: it belongs to the window's length. */
  function samplesOf(frames: FrameBuffer, span: Span): number {
    return span.to === frames.end && span.from === 0
      ? frames.samples
      : (span.to - span.from - 1) * hopSamples + windowSamples;
  }

  return {
    async read(frames, span, options) {
      const samples = samplesOf(frames, span);
      return toWords(await ask(frames, span, options), span, samples);
    },
    async readFinal(frames, span, { onReadAgain, ...options }) {
      const samples = samplesOf(frames, span);
      const later = { from: span.from + shiftFrames, to: span.to };
      // The buffer may have moved on when the first answer comes.
      const kept =
        unsureBelow > 0 && span.from > 0 && later.to - later.from > MIN_FRAMES
          ? frames.window(later.from, later.to)
          : undefined;
      const first = await ask(frames, span, options);
      if (!kept || !first.probabilities.some((probability) => probability < unsureBelow)) {
        return toWords(first, span, samples);
      }
      onReadAgain?.(later.to - later.from);
      const second = await recognize({ features: kept, frames: later.to - later.from, ...options });
      return sureness(second) > sureness(first)
        ? toWords(second, later, samples - shiftFrames * hopSamples)
        : toWords(first, span, samples);
    },
  };
}

// ---

/** Shorter windows have nothing to be read twice. */
const MIN_FRAMES = 40;

/** Mean logarithm of the token probabilities; a reading without tokens is never the surer one. */
function sureness(result: WindowResult): number {
  if (result.probabilities.length === 0) return -Infinity;
  let sum = 0;
  for (const probability of result.probabilities) sum += Math.log(Math.max(probability, 1e-6));
  return sum / result.probabilities.length;
}
