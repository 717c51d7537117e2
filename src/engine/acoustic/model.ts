import type { InferenceSession } from "onnxruntime-node";
import { readFile } from "node:fs/promises";
import type { HotWord } from "../../shared/hot-words.ts";
import { GigasttError } from "../../shared/errors.ts";
import { alignTokens, knowsFrontEnd } from "../align/align.ts";
import { confirmBySound } from "../align/confirm.ts";
import { openCtcHead } from "./ctc-head.ts";
import type { LoadedModel, LoadRequest, WindowResult } from "./protocol.ts";
import { openTransducerHead } from "./transducer-head.ts";
import { parseVocabulary } from "./vocabulary.ts";

/** A loaded model of one worker. One `recognize` at a time. */
export interface AcousticModel {
  readonly info: LoadedModel;
  /** Tokens of one window. `features` is [melBins, frames]. */
  recognize(features: Float32Array, frames: number, hotWords?: readonly HotWord[]): Promise<WindowResult>;
  release(): Promise<void>;
}

/** Loads the graphs and runs them once: shapes and scores are tried out. Blocks the thread. */
export async function loadAcousticModel(request: LoadRequest): Promise<AcousticModel> {
  const started = performance.now();
  const vocabulary = parseVocabulary(await readFile(request.vocabPath, "utf8"));
  const options: InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    intraOpNumThreads: request.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    enableCpuMemArena: true,
    enableMemPattern: false,
    logSeverityLevel: 3,
  };
  const { transducer } = request;
  const head = await (transducer
    ? openTransducerHead({ ...request, transducer }, options, vocabulary)
    : openCtcHead(request, options, vocabulary));
  if (head.classes !== vocabulary.pieces.length + 1) {
    throw new GigasttError(
      "GST_MODEL_VOCABULARY",
      `the vocabulary must have one piece fewer than the model has classes, got ${vocabulary.pieces.length} pieces and ${head.classes} classes: the files belong to different models, run \`gigastt models verify\`.`,
    );
  }
  if (head.melBins !== request.frontEnd.melBins) {
    throw new GigasttError(
      "GST_MODEL_UNSUPPORTED",
      `the manifest says ${request.frontEnd.melBins} mel bins, the encoder takes ${head.melBins}: run \`gigastt models verify\`.`,
    );
  }

  const canAlign = knowsFrontEnd(request.frontEnd);

  async function recognize(
    features: Float32Array,
    frames: number,
    hotWords: readonly HotWord[] = [],
  ): Promise<WindowResult> {
    const begun = performance.now();
    const { tokens, expected, encodedFrames, encoderMs } = await head.recognize(features, frames, hotWords);
    const heard = { features, melBins: head.melBins, frames, tokens, encodedFrames };
    const timed = !canAlign
      ? tokens
      : expected === undefined
        ? { ...tokens, spans: alignTokens(heard, vocabulary) }
        : confirmBySound(heard, expected, vocabulary);
    return { ...timed, encodedFrames, encoderMs, totalMs: performance.now() - begun };
  }

  const probeFrames = 320;
  const probe = new Float32Array(head.melBins * probeFrames).fill(-8);
  // The first run is the slow one, whatever its length: half of it is enough.
  await head.probe(probe.subarray(0, probe.length / 2), probeFrames / 2);
  const warm = await recognize(probe, probeFrames);
  const probeMs = (probeFrames * request.frontEnd.hopSamples * 1000) / request.frontEnd.sampleRateHz;
  const info: LoadedModel = {
    vocabSize: vocabulary.pieces.length,
    melBins: head.melBins,
    subsampling: Math.round(probeFrames / warm.encodedFrames),
    loadMs: performance.now() - started,
    encoderFrom: head.encoderFrom,
    realTimeFactor: warm.totalMs / probeMs,
  };
  return { info, recognize, release: head.release };
}
