import { InferenceSession, Tensor } from "onnxruntime-node";
import { readFile } from "node:fs/promises";
import { OPTIMIZED_WEIGHTS } from "../../models/optimized.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { parseVocabulary } from "../vocabulary.ts";
import { bindModel, type GraphInfo, type ModelBinding, type TensorInfo } from "./binding.ts";
import type { LoadedModel, LoadRequest, WindowResult } from "./protocol.ts";
import { decodeGreedy, type Transducer } from "./rnnt.ts";

/** A loaded model: encoder, prediction network and joint of one worker. One `recognize` at a time. */
export interface AcousticModel {
  readonly info: LoadedModel;
  /** Tokens of one window. `features` is [melBins, frames]. */
  recognize(features: Float32Array, frames: number): Promise<WindowResult>;
  release(): Promise<void>;
}

/** Loads the graphs and runs them once: shapes and block scoring are tried, not believed. Blocks the thread. */
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
  const decoder = await open("decoder", request.decoderPath, small);
  const joint = await open("joint", request.jointPath, small);
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

  async function recognize(features: Float32Array, frames: number): Promise<WindowResult> {
    const begun = performance.now();
    const encoded = await encode(features, frames);
    const encodedAt = performance.now();
    transducer.load(encoded.data);
    const tokens = await decodeGreedy(transducer, encoded.frames, request.maxSymbolsPerFrame);
    return {
      ...tokens,
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

/** Longest block of frames in one joint call. Longer ones waste work on frames behind the next token. */
const MAX_BLOCK = 16;

interface LoadableTransducer extends Transducer {
  /** Row-major [frames, encoderWidth]. */
  load(encoded: Float32Array): void;
  /** Tries block scoring against single frames on the loaded frames, and finds out whether the scores are logarithms. */
  probe(): Promise<void>;
}

function createTransducer(
  decoder: InferenceSession,
  joint: InferenceSession,
  binding: ModelBinding,
  blank: number,
): LoadableTransducer {
  const { encoderWidth, predictorWidth, classes } = binding;
  const names = binding.decoder;
  const stateDims = names.hidden.shape.map((dimension) => (typeof dimension === "number" ? dimension : 1));
  const stateSize = stateDims.reduce((product, dimension) => product * dimension, 1);
  const zeroState = new Tensor("float32", new Float32Array(stateSize), stateDims);
  const extra = names.extra ? { [names.extra.name]: integerTensor(names.extra, 1, [1]) } : {};
  const repeated = new Float32Array(MAX_BLOCK * predictorWidth);
  let encoded: Float32Array = new Float32Array(0);
  let hidden = zeroState;
  let cell = zeroState;
  let maxBlock = 1;
  let logSoftmaxed = true;

  async function predict(token: number): Promise<void> {
    const output = await decoder.run({
      [names.token.name]: integerTensor(names.token, token, [1, 1]),
      ...extra,
      [names.hidden.name]: hidden,
      [names.cell.name]: cell,
    });
    hidden = output[names.nextHidden] as typeof zeroState; // float32 by bindModel
    cell = output[names.nextCell] as typeof zeroState; // float32 by bindModel
    // [1,1,P] or [1,P,1]: the same numbers in the same order, and the joint wants a column.
    const prediction = output[names.output]!.data as Float32Array; // float32 by bindModel
    for (let row = 0; row < maxBlock; row++) repeated.set(prediction, row * predictorWidth);
  }

  async function score(firstFrame: number, count: number): Promise<Float32Array> {
    const rows = encoded.subarray(firstFrame * encoderWidth, (firstFrame + count) * encoderWidth);
    const inTime = binding.joint.blockAxis === "time" && count > 1;
    const batch = inTime ? 1 : count;
    const output = await joint.run({
      [binding.joint.encoded.name]: new Tensor(
        "float32",
        inTime ? transpose(rows, count, encoderWidth) : rows,
        inTime ? [1, encoderWidth, count] : [count, encoderWidth, 1],
      ),
      [binding.joint.predicted.name]: new Tensor("float32", repeated.subarray(0, batch * predictorWidth), [
        batch,
        predictorWidth,
        1,
      ]),
    });
    return output[binding.joint.logits]!.data as Float32Array; // float32 by bindModel
  }

  return {
    classes,
    blank,
    get maxBlock() {
      return maxBlock;
    },
    get logSoftmaxed() {
      return logSoftmaxed;
    },
    load(frames) {
      encoded = frames;
    },
    async reset() {
      hidden = zeroState;
      cell = zeroState;
      await predict(blank);
    },
    advance: predict,
    joint: score,
    async probe() {
      await this.reset();
      const single = Float32Array.from(await score(0, 1));
      let sum = 0;
      for (const value of single) sum += Math.exp(value);
      logSoftmaxed = Math.abs(sum - 1) < 1e-3;
      if (binding.joint.blockAxis === "none") return;
      maxBlock = MAX_BLOCK;
      await this.reset();
      try {
        // A joint with dynamically quantized activations scores a block otherwise than its frames: then frames go one by one.
        const block = Float32Array.from(await score(0, MAX_BLOCK));
        for (let frame = 0; frame < MAX_BLOCK; frame++) {
          const alone = await score(frame, 1);
          for (let k = 0; k < classes; k++) {
            if (Math.abs(alone[k]! - block[frame * classes + k]!) > 1e-4) {
              maxBlock = 1;
              return;
            }
          }
        }
      } catch {
        // The metadata promised a free axis that the graph does not have.
        maxBlock = 1;
      }
    },
  };
}

/**
 * An optimized copy has its weights in a file of their own, in the order the kernels want them: they are mapped, not read, so workers share
 * one copy in memory.
 */
async function openEncoder(
  request: LoadRequest,
  options: InferenceSession.SessionOptions,
): Promise<{ encoder: InferenceSession; encoderFrom: LoadedModel["encoderFrom"] }> {
  const { encoderPath, optimizedEncoderPath, saveEncoderTo } = request;
  if (optimizedEncoderPath !== undefined) {
    try {
      const disabled = { ...options, graphOptimizationLevel: "disabled" } as const;
      return { encoder: await InferenceSession.create(optimizedEncoderPath, disabled), encoderFrom: "optimized copy" };
    } catch {
      // Its hash was right: a copy that this runtime cannot use. The model itself can be.
    }
  }
  if (saveEncoderTo !== undefined) {
    try {
      const saving = {
        ...options,
        optimizedModelFilePath: saveEncoderTo,
        extra: {
          session: {
            optimized_model_external_initializers_file_name: OPTIMIZED_WEIGHTS,
            optimized_model_external_initializers_min_size_in_bytes: "1024",
            save_external_prepacked_constant_initializers: "1",
          },
        },
      };
      return { encoder: await InferenceSession.create(encoderPath, saving), encoderFrom: "model" };
    } catch {
      // A full disk, perhaps. If it is the model's fault, loading it without saving says so.
    }
  }
  return { encoder: await open("encoder", encoderPath, options), encoderFrom: "model" };
}

async function open(graph: string, path: string, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  try {
    return await InferenceSession.create(path, options);
  } catch (error) {
    throw new GigasttError(
      "GST_MODEL_LOAD",
      `the model's ${graph} could not be loaded (${messageOf(error).split("\n")[0]}). Run \`gigastt models verify\`.`,
      { cause: error },
    );
  }
}

function describe(session: InferenceSession): GraphInfo {
  return { inputs: session.inputMetadata.map(toTensorInfo), outputs: session.outputMetadata.map(toTensorInfo) };
}

function toTensorInfo(metadata: InferenceSession.ValueMetadata): TensorInfo {
  return metadata.isTensor
    ? { name: metadata.name, type: metadata.type, shape: metadata.shape }
    : { name: metadata.name, type: "other", shape: [] };
}

function integerTensor(info: TensorInfo, value: number, dims: readonly number[]): Tensor {
  return info.type === "int64"
    ? new Tensor("int64", BigInt64Array.of(BigInt(value)), dims)
    : new Tensor("int32", Int32Array.of(value), dims);
}

/** [rows, columns] → [columns, rows]. */
function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column]!;
  }
  return out;
}
