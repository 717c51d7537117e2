import { createReadStream } from "node:fs";
import type { Comparison } from "../models/prepare/comparison.ts";
import { editDistance } from "../shared/text/edit-distance.ts";
import { decodeAudio } from "./audio/decode.ts";
import { readLanes } from "./audio/lanes.ts";
import { loadAcousticModel } from "./acoustic/model.ts";
import type { LoadRequest } from "./acoustic/protocol.ts";
import { createLogMel, extractFeatures } from "./features/log-mel.ts";

/** What a model made of one window. */
export interface Reading {
  readonly audioS: number;
  readonly ids: Int32Array;
  readonly encoderMs: number;
}

/** Loads a model, recognises the recordings in windows of at most 24 s, and releases it: of two models to compare, one at a time is in memory. */
export async function readRecordings(request: LoadRequest, audioPaths: readonly string[]): Promise<readonly Reading[]> {
  const model = await loadAcousticModel(request);
  const { sampleRateHz } = request.frontEnd;
  const logMel = createLogMel(request.frontEnd);
  const readings: Reading[] = [];
  for (const path of audioPaths) {
    for await (const window of windowsOf(path, sampleRateHz)) {
      const frames = logMel.frameCount(window.length);
      if (frames === 0) continue;
      const features = melMajor(extractFeatures(logMel, window), frames, logMel.melBins);
      const { ids, encoderMs } = await model.recognize(features, frames);
      readings.push({ audioS: window.length / sampleRateHz, ids, encoderMs });
    }
  }
  await model.release();
  return readings;
}

/** Compares two models' readings of the same windows. */
export function compareReadings(reference: readonly Reading[], candidate: readonly Reading[]): Comparison {
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
  const edits = reference.map(({ ids }, n) => editDistance(ids, candidate[n]?.ids ?? new Int32Array(0)));
  return {
    windows: reference.length,
    audioS: sum(reference.map(({ audioS }) => audioS)),
    identicalWindows: edits.filter((count) => count === 0).length,
    tokens: sum(reference.map(({ ids }) => ids.length)),
    tokenEdits: sum(edits),
    referenceEncoderMs: sum(reference.map(({ encoderMs }) => encoderMs)),
    candidateEncoderMs: sum(candidate.map(({ encoderMs }) => encoderMs)),
  };
}

// ---

/** One window is at most this long: the models were trained on such lengths. */
const WINDOW_S = 24;
const MAX_DURATION_MS = 4 * 3_600_000;

/** The recording as mono windows; cut blindly, since both models get the same cut. */
async function* windowsOf(path: string, sampleRateHz: number): AsyncGenerator<Float32Array> {
  const audio = await decodeAudio(createReadStream(path), {
    maxDurationMs: MAX_DURATION_MS,
    signal: new AbortController().signal,
  });
  let window = new Float32Array(WINDOW_S * sampleRateHz);
  let filled = 0;
  for await (const [part] of readLanes(audio, { sampleRateHz, split: false })) {
    if (!part) continue;
    for (let taken = 0; taken < part.length;) {
      const count = Math.min(part.length - taken, window.length - filled);
      window.set(part.subarray(taken, taken + count), filled);
      filled += count;
      taken += count;
      if (filled < window.length) continue;
      yield window;
      window = new Float32Array(window.length);
      filled = 0;
    }
  }
  if (filled > 0) yield window.subarray(0, filled);
}

/** `[frames, melBins]` as the `[melBins, frames]` that encoders take. */
function melMajor(features: Float32Array, frames: number, melBins: number): Float32Array {
  const out = new Float32Array(features.length);
  for (let t = 0; t < frames; t += 1)
    for (let f = 0; f < melBins; f += 1) out[f * frames + t] = features[t * melBins + f]!;
  return out;
}
