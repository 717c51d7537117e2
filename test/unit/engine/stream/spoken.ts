import type { Hypothesis, UtteranceEvent, Word } from "../../../../src/engine/contract.ts";
import { createLiveSession, type LiveSession } from "../../../../src/engine/stream/live-session.ts";
import type { AudioSettings, StreamOptions } from "../../../../src/engine/thread/protocol.ts";
import type { ReadOptions, SpanReader } from "../../../../src/engine/windows/span-reader.ts";
import type { Span } from "../../../../src/engine/windows/segmenter.ts";
import { DEMO_FRONT_END } from "../support.ts";

/** A word of a made-up recording: it sounds from one frame (10 ms) to another. */
export interface SpokenWord extends Span {
  readonly word: string;
}

/** What is said, and how long the recording is, in frames. */
export interface Spoken {
  readonly words: readonly SpokenWord[];
  readonly frames: number;
}

/** One word after the other: `[length, silence after it]` in frames. They are called w0, w1, … */
export function say(leadFrames: number, words: readonly (readonly [length: number, silence: number])[]): Spoken {
  let at = leadFrames;
  const spoken = words.map(([length, silence], index) => {
    const word = { word: `w${index}`, from: at, to: at + length };
    at += length + silence;
    return word;
  });
  return { words: spoken, frames: at };
}

/** Speech with gaps between words, pauses that end nothing, and pauses that do. */
export function randomSpeech(random: () => number): Spoken {
  const count = 10 + Math.floor(random() * 60);
  return say(
    Math.floor(random() * 80),
    Array.from({ length: count }, () => {
      const kind = random();
      const silence = kind < 0.75 ? random() * 15 : kind < 0.93 ? 20 + random() * 38 : 62 + random() * 200;
      return [12 + Math.floor(random() * 40), Math.floor(silence)] as const;
    }),
  );
}

/** A sentence of words without a pause, `lengthFrames` long, and the silence after it. */
export function sentence(lengthFrames: number, lastSilence: number): (readonly [number, number])[] {
  const words = Array.from({ length: Math.floor(lengthFrames / 30) }, () => [25, 5] as const);
  return [...words, [lengthFrames % 30 || 1, lastSilence] as const];
}

/**
 * PCM16 of it. Words are noise, for speech is told by all its bands. Behind them is silence, or a murmur as loud as they are: then nothing but
 * the reader tells where a word is. The murmur sways like speech, for a steady one would be taken for noise.
 */
export function toPcm({ words, frames }: Spoken, behind: "silence" | "murmur" = "silence"): Uint8Array {
  const samples = new Int16Array(frames * 160 + 160);
  const random = createRandom(1);
  if (behind === "murmur") {
    for (let n = 0; n < samples.length; n++) {
      samples[n] = Math.round(6000 * (random() - 0.5) * (0.55 + 0.45 * Math.sin((n * 6 * Math.PI) / 16_000)));
    }
    return new Uint8Array(samples.buffer);
  }
  for (const { from, to } of words) {
    for (let n = from * 160; n < to * 160; n++) samples[n] = Math.round(6000 * (random() - 0.5));
  }
  return new Uint8Array(samples.buffer);
}

/** Hears each word whose middle lies in the span, at its true time. Takes `delayMs` of the (fake) clock. */
export function truthfulReader(
  spoken: Spoken,
  delayMs: (options: ReadOptions) => number,
): SpanReader & { spans: Span[] } {
  const spans: Span[] = [];
  async function hear(span: Span, options: ReadOptions): Promise<Word[]> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, delayMs(options));
      options.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(options.signal.reason as Error);
      });
    });
    return spoken.words
      .filter(({ from, to }) => (from + to) / 2 >= span.from && (from + to) / 2 < span.to)
      .map(({ word, from, to }) => ({ word, start: from / 100, end: to / 100, confidence: 0.9 }));
  }
  return {
    spans,
    read: (_, span, options) => hear(span, options),
    readFinal(_, span, options) {
      spans.push(span);
      return hear(span, options);
    },
  };
}

export const SETTINGS: AudioSettings = {
  pieces: [],
  frontEnd: DEMO_FRONT_END,
  windows: { mergeS: 0, maxS: 8 },
  subsampling: 4,
  partialIntervalMinMs: 200,
  partialIntervalMaxMs: 1500,
  parallelWindows: 2,
};

export const STREAM: StreamOptions = {
  sampleRateHz: 16_000,
  codec: "s16le",
  channelCount: 1,
  endpoint: "auto",
  minSilenceMs: 600,
  commitPolicy: "auto",
  hotWords: undefined,
};

/** A live session and what it said, in order. */
export interface Told {
  readonly session: LiveSession;
  readonly hypotheses: Hypothesis[];
  /** Beginnings, ends and finals of utterances. */
  readonly events: { readonly type: UtteranceEvent["type"] | "final"; readonly atS: number }[];
  readonly errors: unknown[];
  readonly coveredMs: number[];
}

export function listen(
  reader: SpanReader,
  options: Partial<StreamOptions> = {},
  settings: AudioSettings = SETTINGS,
): Told {
  const told = {
    hypotheses: [] as Hypothesis[],
    events: [] as { type: UtteranceEvent["type"] | "final"; atS: number }[],
    errors: [] as unknown[],
    coveredMs: [] as number[],
  };
  const session = createLiveSession({
    options: { ...STREAM, ...options },
    settings,
    reader,
    onHypothesis: (hypothesis) => {
      told.hypotheses.push(hypothesis);
      if (hypothesis.type === "final") told.events.push({ type: "final", atS: NaN });
    },
    onSpeech: () => {},
    onUtterance: (event) => told.events.push(event),
    onError: (error) => told.errors.push(error),
    onCovered: (coveredMs) => told.coveredMs.push(coveredMs),
  });
  return { session, ...told };
}

export function finalsOf(told: Told): Hypothesis[] {
  return told.hypotheses.filter(({ type }) => type === "final");
}

export function wordsOf(finals: readonly Hypothesis[]): string[] {
  return finals.flatMap(({ words }) => words.map(({ word }) => word));
}

/** Repeatable random numbers, 0..1. */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0 || 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
