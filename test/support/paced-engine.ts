import type {
  Engine,
  Hypothesis,
  LiveCapacity,
  LiveStream,
  LiveStreamOptions,
  ModelInfo,
} from "../../src/engine/contract.ts";

export interface Pace {
  /** Time a transcription takes. */
  readonly transcribeMs?: number;
  /** Time the last final of a stream takes. */
  readonly endMs?: number;
  /** Milliseconds of audio one stream recognises per millisecond; default: everything at once. */
  readonly speed?: number;
  /** What the machine keeps up with, for so many sessions that speak or are about to; default: any number. */
  readonly capacity?: (speaking: number) => Pick<LiveCapacity, "canOpenMore" | "reason">;
  /** Text of a partial sent at every write. */
  readonly partial?: string;
}

export interface PacedEngine extends Engine {
  readonly streams: PacedStream[];
}

export interface PacedStream extends LiveStream {
  readonly options: LiveStreamOptions;
  readonly bytes: number;
  readonly aborted: boolean;
  readonly over: boolean;
}

const MODEL: ModelInfo = {
  id: "paced",
  name: "Paced",
  version: "1",
  precision: "int8",
  encoderForm: "published",
  languages: ["ru"],
  vocabSize: 1,
  bundleHash: "0".repeat(64),
  notice: undefined,
};

/**
 * An engine whose pace a test decides to the millisecond: how far it falls behind, how long its last final takes, how big its partials are.
 * Nothing is decoded or recognised; its text is the number of bytes it was given. Everything else is tested with the fake and the real engine.
 */
export function createPacedEngine(options: Pace = {}): PacedEngine {
  let state: Engine["state"] = "loading";
  const streams: PacedStream[] = [];
  return {
    streams,
    get state() {
      return state;
    },
    get model() {
      return state === "ready" ? MODEL : undefined;
    },
    start: () => {
      state = "ready";
      return Promise.resolve(MODEL);
    },
    transcribe: async ({ audio, signal, onHypothesis, onBegin }) => {
      let bytes = 0;
      let isSuspended = false;
      onBegin?.({ suspend: () => (isSuspended = true), resume: () => (isSuspended = false) });
      for await (const block of audio) bytes += block.length;
      for (let leftMs = options.transcribeMs ?? 0; leftMs > 0;) {
        const stepMs = Math.min(leftMs, 50);
        await sleep(stepMs, signal);
        if (!isSuspended) leftMs -= stepMs;
      }
      const text = `${bytes} bytes`;
      await onHypothesis?.(hypothesis("final", text));
      return [{ text, words: [], segments: [], durationS: bytes / 32_000, confidence: undefined, warnings: [] }];
    },
    openStream: (given) => {
      const stream = createPacedStream(given, options);
      streams.push(stream);
      return stream;
    },
    stats: () => ({
      workers: 1,
      busyWorkers: 0,
      queuedWindows: 0,
      audioSecondsTotal: 0,
      encodedSecondsTotal: 0,
      inferenceSecondsTotal: 0,
      workerRestartsTotal: 0,
    }),
    liveCapacity: (speaking = streams.filter((stream) => !stream.over).length) => {
      const { canOpenMore, reason } = options.capacity?.(speaking) ?? { canOpenMore: true, reason: undefined };
      return { speaking, sustainable: 100, realTimeFactor: undefined, canOpenMore, reason };
    },
    onInference: undefined,
    onEncoderChange: undefined,
    close: () => {
      state = "closed";
      return Promise.resolve();
    },
  };
}

function createPacedStream(given: LiveStreamOptions, { endMs = 0, speed = Infinity, partial }: Pace): PacedStream {
  let bytes = 0;
  let aborted = false;
  let over = false;
  let backlogMs = 0;
  const drainEachMs = 10;
  const timer = setInterval(() => (backlogMs = Math.max(0, backlogMs - drainEachMs * speed)), drainEachMs);
  return {
    options: given,
    get bytes() {
      return bytes;
    },
    get aborted() {
      return aborted;
    },
    get over() {
      return over;
    },
    write: (pcm) => {
      given.onSpeech?.();
      bytes += pcm.length;
      if (speed !== Infinity) backlogMs += (pcm.length / 2 / given.sampleRateHz) * 1000;
      if (partial !== undefined) given.onHypothesis(hypothesis("partial", partial));
    },
    configure: () => {},
    get writtenMs() {
      return (bytes / 2 / given.sampleRateHz) * 1000;
    },
    get backlogMs() {
      return backlogMs;
    },
    waitForBacklogBelow: async (ms) => {
      const waits = (): boolean => backlogMs >= ms && !aborted;
      while (waits()) await sleep(drainEachMs);
    },
    end: async () => {
      await sleep(endMs);
      clearInterval(timer);
      over = true;
      if (!aborted) given.onHypothesis(hypothesis("final", `${bytes} bytes`));
    },
    abort: () => {
      aborted = true;
      over = true;
      clearInterval(timer);
    },
  };
}

function hypothesis(type: "partial" | "final", text: string): Hypothesis {
  return {
    type,
    committed: type === "final" ? text : "",
    tentative: type === "final" ? "" : text,
    words: [],
    confidence: undefined,
    endpointReason: type === "final" ? "stop" : undefined,
    speechFinal: type === "final",
  };
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
