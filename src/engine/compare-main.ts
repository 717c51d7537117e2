// Program entry, forked by `gigastt models quantize|optimize`: runs two models over the same recordings.
// One IPC message `{type:"compare", reference, candidate, audioPaths, threads}` in, `{type:"compared", report}` or
// `{type:"failed", code, message}` out, then it exits.
import { createReadStream } from "node:fs";
import type { ModelBundle } from "../models/manifest.ts";
import type { Comparison } from "../models/prepare/comparison.ts";
import { editDistance } from "../shared/text/edit-distance.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { decodeAudio } from "./audio/decode.ts";
import { readLanes } from "./audio/lanes.ts";
import { createLogMel, extractFeatures } from "./features/log-mel.ts";
import { loadAcousticModel, type AcousticModel } from "./acoustic/model.ts";

interface CompareRequest {
  readonly type: "compare";
  readonly reference: ModelBundle;
  readonly candidate: ModelBundle;
  readonly audioPaths: readonly string[];
  readonly threads: number;
}

/** One window is at most this long: the models were trained on such lengths. */
const WINDOW_S = 24;
const MAX_DURATION_MS = 4 * 3_600_000;

process.once("message", (message: CompareRequest) => {
  void compare(message)
    .then((report) => process.send?.({ type: "compared", report }))
    .catch((error: unknown) =>
      process.send?.({
        type: "failed",
        code: error instanceof GigasttError ? error.code : "GST_COMPARE",
        message: messageOf(error),
      }),
    )
    .finally(() => process.disconnect());
});

async function compare({ reference, candidate, audioPaths, threads }: CompareRequest): Promise<Comparison> {
  const first = await load(reference, threads);
  // A model that is only tried is not held twice.
  const isOne = reference.encoderPath === candidate.encoderPath;
  const models = [first, isOne ? first : await load(candidate, threads)] as const;
  const logMel = createLogMel(reference.frontEnd);
  let report: Comparison = {
    windows: 0,
    audioS: 0,
    identicalWindows: 0,
    tokens: 0,
    tokenEdits: 0,
    referenceEncoderMs: 0,
    candidateEncoderMs: 0,
  };
  for (const path of audioPaths) {
    for await (const window of windowsOf(path, reference.frontEnd.sampleRateHz)) {
      const frames = logMel.frameCount(window.length);
      if (frames === 0) continue;
      const features = melMajor(extractFeatures(logMel, window), frames, logMel.melBins);
      const [wanted, got] = [
        await models[0].recognize(features.slice(), frames),
        await models[1].recognize(features.slice(), frames),
      ];
      const edits = editDistance(wanted.ids, got.ids);
      report = {
        windows: report.windows + 1,
        audioS: report.audioS + window.length / reference.frontEnd.sampleRateHz,
        identicalWindows: report.identicalWindows + (edits === 0 ? 1 : 0),
        tokens: report.tokens + wanted.ids.length,
        tokenEdits: report.tokenEdits + edits,
        referenceEncoderMs: report.referenceEncoderMs + wanted.encoderMs,
        candidateEncoderMs: report.candidateEncoderMs + got.encoderMs,
      };
    }
  }
  for (const model of new Set(models)) await model.release();
  return report;
}

function load(bundle: ModelBundle, threads: number): Promise<AcousticModel> {
  const { encoderPath, transducer, vocabPath, frontEnd } = bundle;
  return loadAcousticModel({
    encoderPath,
    ...(transducer && { transducer }),
    vocabPath,
    frontEnd,
    threads,
    maxSymbolsPerFrame: 10,
  });
}

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
