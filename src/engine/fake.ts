import type { FrontEnd } from "../models/manifest.ts";
import { GigasttError, WireError } from "../shared/errors.ts";
import { silentLogger } from "../shared/log.ts";
import type { Engine } from "./contract.ts";
import { openLocalThread } from "./thread/link.ts";
import type { WindowResult } from "./acoustic/protocol.ts";
import type { InferencePool, WindowJob } from "./pool/pool.ts";
import { createEngineFrom } from "./lifecycle.ts";
import { sleep } from "../shared/time/timers.ts";

export interface FakeEngineOptions {
  /** Time `start` takes. Default 0. */
  readonly loadMs?: number;
  /** `start` rejects with this message. */
  readonly loadError?: string;
  /** Time one window takes. Default 0. */
  readonly windowMs?: number;
  /** Windows running at once. Default 2. */
  readonly workers?: number;
  /** Called before each window: throw to make it fail. Numbered from 1. */
  readonly onWindow?: (number: number) => void | Promise<void>;
  /** Default 0: never. */
  readonly idleUnloadMs?: number;
  /** Default Russian. */
  readonly languages?: readonly string[];
  /** Front end of windows; default as GigaAM v3. */
  readonly frontEnd?: FrontEnd;
}

/**
 * A deterministic engine without a model: the real decoding, resampling, utterances and streaming, but the "network" says
 * one number word for every half second of sound: раз, два, три … from the start of each window, and nothing in silence.
 * Everything runs in the calling thread.
 */
export function createFakeEngine(options: FakeEngineOptions = {}): Engine {
  const workers = options.workers ?? 2;
  const frontEnd = options.frontEnd ?? FAKE_FRONT_END;
  return createEngineFrom({
    async load() {
      await sleep(options.loadMs ?? 0);
      if (options.loadError !== undefined) throw new GigasttError("GST_MODEL_LOAD", options.loadError);
      return {
        info: {
          id: "fake",
          name: "Fake engine",
          version: "1",
          precision: "fp32",
          languages: options.languages ?? ["ru"],
          vocabSize: PIECES.length,
          bundleHash: "0".repeat(64),
          encoderForm: "published",
          notice: "This is the fake engine: it counts sounds and recognises nothing.",
        },
        workers,
        realTimeFactor: 0.001,
        pool: createFakePool(workers, frontEnd.melBins, options),
        settings: {
          pieces: PIECES,
          frontEnd,
          windows: { mergeS: 0, maxS: 24 },
          subsampling: SUBSAMPLING,
          partialIntervalMinMs: 200,
          partialIntervalMaxMs: 1500,
          parallelWindows: workers + 1,
        },
      };
    },
    idleUnloadMs: options.idleUnloadMs ?? 0,
    openLiveThread: openLocalThread(),
    openFileThread: openLocalThread(),
    log: silentLogger,
  });
}

// ---

const FAKE_FRONT_END: FrontEnd = {
  sampleRateHz: 16_000,
  windowSamples: 320,
  hopSamples: 160,
  melBins: 64,
  minHz: 0,
  maxHz: 8000,
  bfloat16Buffers: false,
};
const SUBSAMPLING = 4;
const PIECES = [
  "<unk>",
  ..."раз два три четыре пять шесть семь восемь девять десять".split(" ").map((word) => `▁${word}`),
];
/** Mean log-mel above which a frame counts as sound. */
const SOUND_LEVEL = -10;
const FRAMES_PER_WORD = 50;

function createFakePool(workers: number, melBins: number, options: FakeEngineOptions): InferencePool {
  const waiting: (() => void)[] = [];
  let busy = 0;
  let windows = 0;
  let closed = false;

  async function run(job: WindowJob): Promise<WindowResult> {
    const started = performance.now();
    const isFull = (): boolean => busy >= workers;
    while (isFull()) {
      await new Promise<void>((resolve) => {
        waiting.push(resolve);
      });
    }
    if (closed) throw new WireError("pool_closed", "the recogniser is shutting down");
    busy++;
    try {
      // Inside: a window that was cancelled while it waited has been woken, and must wake the next one.
      job.signal.throwIfAborted();
      windows++;
      if (options.windowMs) await sleep(options.windowMs);
      await options.onWindow?.(windows);
      return countSounds(job, melBins, performance.now() - started);
    } catch (error) {
      if (error instanceof WireError) throw error;
      throw new WireError("inference_error", "this part of the audio could not be recognised", { cause: error });
    } finally {
      busy--;
      waiting.shift()?.();
    }
  }

  return {
    start: () => Promise.reject(new Error("the fake pool needs no start")),
    run,
    stats: () => ({ workers, busyWorkers: busy, queuedWindows: waiting.length, workerRestartsTotal: 0 }),
    setLiveSessions: () => {},
    async close() {
      closed = true;
      for (const resolve of waiting.splice(0)) resolve();
      const isBusy = (): boolean => busy > 0;
      while (isBusy()) await sleep(5);
    },
  };
}

function countSounds(job: WindowJob, melBins: number, totalMs: number): WindowResult {
  const ids: number[] = [];
  const frames: number[] = [];
  let sounding = 0;
  for (let frame = 0; frame < job.frames; frame++) {
    let sum = 0;
    for (let mel = 0; mel < melBins; mel++) sum += job.features[mel * job.frames + frame]!;
    if (sum / melBins <= SOUND_LEVEL) continue;
    if (sounding++ % FRAMES_PER_WORD !== 0) continue;
    frames.push(Math.floor(frame / SUBSAMPLING));
    ids.push(1 + (ids.length % (PIECES.length - 1)));
  }
  return {
    ids: Int32Array.from(ids),
    frames: Int32Array.from(frames),
    probabilities: new Float32Array(ids.length).fill(0.9),
    encodedFrames: Math.ceil(job.frames / SUBSAMPLING),
    encoderMs: totalMs,
    totalMs,
  };
}
