import { type InferenceSession, Tensor } from "onnxruntime-node";
import { readFile } from "node:fs/promises";
import { GigasttError } from "../../shared/errors.ts";
import { parseVocabulary } from "./vocabulary.ts";
import { alignTokens, knowsFrontEnd } from "../align/align.ts";
import { bindModel } from "./binding.ts";
import type { LoadedModel, LoadRequest, WindowResult } from "./protocol.ts";
import { decodeWithHotWords } from "./beam.ts";
import { compileHotWords } from "./hot-words.ts";
import type { HotWordGraph } from "./hot-words.ts";
import type { HotWord } from "../../shared/hot-words.ts";
import { decodeGreedy } from "./greedy.ts";
import { describe, openEncoder, openGraph } from "./sessions.ts";
import { integerTensor, transpose } from "./tensors.ts";
import { createTransducer } from "./transducer.ts";

/** A loaded model: encoder, prediction network and joint of one worker. One `recognize` at a time. */
export interface AcousticModel {
  readonly info: LoadedModel;
  /** Tokens of one window. `features` is [melBins, frames]. */
  recognize(features: Float32Array, frames: number, hotWords?: readonly HotWord[]): Promise<WindowResult>;
  release(): Promise<void>;
}

/** Loads the graphs and runs them once: shapes and block scoring are tried out. Blocks the thread. */
export async function loadAcousticModel(request: LoadRequest): Promise<AcousticModel> {
  const started = performance.now();
  const vocabulary = parseVocabulary(await readFile(request.vocabPath, "utf8"));
  const options: InferenceSession.SessionOptions = {
    executionProviders: ["cpu"],
    intraOpNumThreads: request.threads,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    // The small graphs run one after the other on the worker's own thread: more threads only cost hand-overs.
    enableCpuMemArena: true,
    enableMemPattern: false,
    logSeverityLevel: 3,
  };
  const small = { ...options, intraOpNumThreads: 1 };
  const { encoder, encoderFrom } = await openEncoder(request, options);
  const decoder = await openGraph("decoder", request.decoderPath, small);
  const joint = await openGraph("joint", request.jointPath, small);
  const binding = bindModel(describe(encoder), describe(decoder), describe(joint));
  if (binding.classes !== vocabulary.pieces.length + 1) {
    throw new GigasttError(
      "GST_MODEL_VOCABULARY",
      `the vocabulary must have one piece fewer than the joint has classes, got ${vocabulary.pieces.length} pieces and ${binding.classes} classes: the files belong to different models, run \`gigastt models verify\`.`,
    );
  }
  if (binding.melBins !== request.frontEnd.melBins) {
    throw new GigasttError(
      "GST_MODEL_UNSUPPORTED",
      `the manifest says ${request.frontEnd.melBins} mel bins, the encoder takes ${binding.melBins}: run \`gigastt models verify\`.`,
    );
  }
  const transducer = createTransducer(decoder, joint, binding, vocabulary.blank);

  const canAlign = knowsFrontEnd(request.frontEnd);

  async function encode(features: Float32Array, frames: number): Promise<{ data: Float32Array; frames: number }> {
    const { encoder: names } = binding;
    const output = await encoder.run({
      [names.features]: new Tensor("float32", features, [1, binding.melBins, frames]),
      [names.length.name]: integerTensor(names.length, frames, [1]),
    });
    const encoded = output[names.encoded]!;
    const encodedFrames = encoded.dims[2] ?? 0;
    const valid = Math.min(encodedFrames, Number(output[names.encodedLength]!.data[0]));
    const columns = encoded.data as Float32Array; // bindModel: the graph's first output is float32
    return { data: transpose(columns, binding.encoderWidth, encodedFrames), frames: valid };
  }

  /** A session sends its phrases with each of its windows: the latest used are at the end. */
  const graphs = new Map<string, HotWordGraph>();
  function graphOf(hotWords: readonly HotWord[]): HotWordGraph {
    const key = JSON.stringify(hotWords);
    const graph = graphs.get(key) ?? compileHotWords(hotWords, vocabulary);
    graphs.delete(key);
    graphs.set(key, graph);
    for (const oldest of graphs.keys()) {
      if (graphs.size <= MAX_GRAPHS) break;
      graphs.delete(oldest);
    }
    return graph;
  }

  async function recognize(
    features: Float32Array,
    frames: number,
    hotWords: readonly HotWord[] = [],
  ): Promise<WindowResult> {
    const begun = performance.now();
    const encoded = await encode(features, frames);
    const encodedAt = performance.now();
    transducer.load(encoded.data);
    const { maxSymbolsPerFrame } = request;
    const tokens =
      hotWords.length === 0
        ? await decodeGreedy(transducer, encoded.frames, maxSymbolsPerFrame)
        : await decodeWithHotWords(transducer, graphOf(hotWords), encoded.frames, maxSymbolsPerFrame);
    const { melBins } = binding;
    const heard = { features, melBins, frames, tokens, encodedFrames: encoded.frames };
    return {
      ...tokens,
      spans: canAlign ? alignTokens(heard, vocabulary) : undefined,
      encodedFrames: encoded.frames,
      encoderMs: encodedAt - begun,
      totalMs: performance.now() - begun,
    };
  }

  const probeFrames = 320;
  const probe = new Float32Array(binding.melBins * probeFrames).fill(-8);
  const encodedProbe = await encode(probe, probeFrames);
  transducer.load(encodedProbe.data);
  await transducer.probe();
  const warm = await recognize(probe, probeFrames);
  const probeMs = (probeFrames * request.frontEnd.hopSamples * 1000) / request.frontEnd.sampleRateHz;
  const info: LoadedModel = {
    vocabSize: vocabulary.pieces.length,
    melBins: binding.melBins,
    subsampling: Math.round(probeFrames / encodedProbe.frames),
    loadMs: performance.now() - started,
    encoderFrom,
    realTimeFactor: warm.totalMs / probeMs,
  };
  return {
    info,
    recognize,
    release: async () => {
      await Promise.all([encoder.release(), decoder.release(), joint.release()]);
    },
  };
}

// ---

/** Phrase lists kept compiled: about as many as sessions that speak at once. */
const MAX_GRAPHS = 32;
