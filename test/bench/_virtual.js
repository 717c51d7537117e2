// Live streams in simulated time: the real sessions and the real model, but each window takes the time that a model of GigaAM's size was measured
// to take on one thread. What else the machine does changes nothing, and a minute of eight streams takes a few seconds.
import { readFileSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { createLiveSession } from "../../dist/engine/stream/live-session.js";
import { createSpanReader } from "../../dist/engine/windows/span-reader.js";
import { createWindowQueue } from "../../dist/engine/pool/queue.js";
import { loadAcousticModel } from "../../dist/engine/acoustic/model.js";
import { parseVocabulary } from "../../dist/engine/acoustic/vocabulary.js";
import { defaultConfig } from "../../dist/config/defaults.js";
import { locateModel } from "../../dist/models/locate.js";

/** What a window costs a worker: measured with int8 weights, one thread (5 s: 0.137 s, 15 s: 0.379 s). */
const WINDOW_MS = 16;
const WINDOW_MS_PER_S = 24;

const bundle = await locateModel({ id: "demo-ru-rnnt", precision: "int8", dir: undefined }, { env: {} });
const model = await loadAcousticModel({
  encoderPath: bundle.encoderPath,
  ...(bundle.transducer && { transducer: bundle.transducer }),
  vocabPath: bundle.vocabPath,
  frontEnd: bundle.frontEnd,
  threads: 1,
  maxSymbolsPerFrame: 10,
});

export const demoWindows = bundle.windows;

export function settingsWith(windows) {
  return {
    pieces: parseVocabulary(readFileSync(bundle.vocabPath, "utf8")).pieces,
    frontEnd: bundle.frontEnd,
    windows: { ...bundle.windows, ...windows },
    subsampling: model.info.subsampling,
    partialIntervalMinMs: defaultConfig.stream.partialIntervalMinMs,
    partialIntervalMaxMs: defaultConfig.stream.partialIntervalMaxMs,
    parallelWindows: 3,
  };
}

/** Reads windows in this process, without a clock, one after the other: a model reads one at a time. */
export function recognizeAtOnce({ features, frames }) {
  const result = lastRead.then(() => model.recognize(features, frames));
  lastRead = result.catch(() => {});
  return result;
}
let lastRead = Promise.resolve();

/** A clock that moves when everything that could happen has happened. Replaces the timers and `performance.now` of the process until `close`. */
function createVirtualClock() {
  const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout, now: performance.now };
  let nowMs = 0;
  let order = 0;
  const waiting = new Set();
  globalThis.setTimeout = (action, delayMs) => {
    const timer = { action, atMs: nowMs + Math.max(1, delayMs), order: order++, unref: () => timer, ref: () => timer };
    waiting.add(timer);
    return timer;
  };
  globalThis.clearTimeout = (timer) => void waiting.delete(timer);
  performance.now = () => nowMs;
  return {
    get nowMs() {
      return nowMs;
    },
    at: (atMs, action) => void waiting.add({ action, atMs, order: order++ }),
    /** Runs until nothing waits. @param idle resolves when no window is being read for real */
    async run(idle) {
      for (;;) {
        await idle();
        let next;
        for (const timer of waiting) {
          if (!next || timer.atMs < next.atMs || (timer.atMs === next.atMs && timer.order < next.order)) next = timer;
        }
        if (!next) return;
        waiting.delete(next);
        nowMs = Math.max(nowMs, next.atMs);
        next.action();
      }
    },
    close() {
      globalThis.setTimeout = real.setTimeout;
      globalThis.clearTimeout = real.clearTimeout;
      performance.now = real.now;
    },
  };
}

/**
 * Streams every recording as it is spoken, all at once, to so many workers.
 *
 * @param options.settings of `settingsWith`
 * @returns for each stream its hypotheses with `atMs` of its own audio, the audio that the encoder saw, and the windows
 */
export async function streamVirtually(recordings, { settings, workers = 2, frameMs = 100, cost = 1, stream = {} }) {
  const clock = createVirtualClock();
  const queue = createWindowQueue();
  let idle = workers;
  let reading = 0;
  let busyMs = 0;
  const isReading = () => reading > 0;

  function pump() {
    while (idle > 0) {
      const item = queue.take(false);
      if (!item) return;
      idle--;
      reading++;
      const costMs = cost * (WINDOW_MS + (WINDOW_MS_PER_S * item.frames) / 100);
      busyMs += costMs;
      item.begin();
      void recognizeAtOnce(item.request).then((result) => {
        reading--;
        clock.at(clock.nowMs + costMs, () => {
          idle++;
          queue.ran(item, costMs);
          item.resolve({ ...result, totalMs: costMs });
          pump();
        });
      });
    }
  }

  const streams = recordings.map((recording, id) => {
    const startMs = id * 37;
    const state = { told: [], encodedFrames: 0, windows: [], seconds: recording.samples.length / 16_000 };
    const recognize = (request) =>
      new Promise((resolve, reject) => {
        if (request.signal.aborted) return reject(request.signal.reason);
        const { frames, kind, withinMs, signal } = request;
        const onAbort = () => {
          queue.remove(item);
          reject(signal.reason);
        };
        signal.addEventListener("abort", onAbort, { once: true });
        const item = {
          request,
          frames,
          kind,
          deadlineMs: clock.nowMs + withinMs,
          begin: () => {
            state.encodedFrames += frames;
            state.windows.push(frames);
          },
          resolve: (result) => {
            signal.removeEventListener("abort", onAbort);
            resolve(result);
          },
        };
        queue.add(item);
        pump();
      });
    const session = createLiveSession({
      id,
      options: {
        sampleRateHz: 16_000,
        codec: "s16le",
        channelCount: 1,
        endpoint: "auto",
        minSilenceMs: 600,
        commitPolicy: "auto",
        ...stream,
      },
      settings,
      reader: createSpanReader(recognize, settings),
      onHypothesis: (hypothesis) => state.told.push({ ...hypothesis, atMs: clock.nowMs - startMs }),
      onSpeech: () => {},
      onUtterance: () => {},
      onError: (error) => {
        throw error;
      },
      onCovered: () => {},
    });
    const { pcm } = recording;
    const step = 32 * frameMs;
    for (let at = 0; at < pcm.length; at += step) {
      clock.at(startMs + (at + step) / 32, () => session.write(new Uint8Array(pcm.subarray(at, at + step))));
    }
    clock.at(startMs + pcm.length / 32 + 1, () => void session.end());
    return state;
  });

  try {
    await clock.run(async () => {
      do {
        for (let k = 0; k < 3; k++) await setImmediate();
      } while (isReading());
    });
  } finally {
    clock.close();
  }
  const longestMs = Math.max(...streams.map(({ seconds }) => seconds * 1000));
  return { streams, utilization: busyMs / workers / longestMs };
}
