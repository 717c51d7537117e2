import { type InferenceSession, Tensor } from "onnxruntime-node";
import type { ModelBinding } from "./binding.ts";
import type { Transducer } from "./greedy.ts";
import { integerTensor, transpose } from "./tensors.ts";

/** State of the prediction network behind a sequence of tokens. */
export interface Prediction {
  readonly hidden: Tensor;
  readonly cell: Tensor;
  /** What the joint takes: [predictorWidth]. */
  readonly output: Float32Array;
}

/** The prediction network and the joint over the frames of one window after the other. */
export interface LoadableTransducer extends Transducer<Prediction> {
  /** Row-major [frames, encoderWidth]. */
  load(encoded: Float32Array): void;
  /** Tries block scoring against single frames on the loaded frames, and finds out whether the scores are logarithms. */
  probe(): Promise<void>;
}

export function createTransducer(
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
  /** What `repeated` is filled with, in every row. */
  let filledWith: Float32Array | undefined;
  let maxBlock = 1;
  let logSoftmaxed = true;

  async function predict({ hidden, cell }: Pick<Prediction, "hidden" | "cell">, token: number): Promise<Prediction> {
    const output = await decoder.run({
      [names.token.name]: integerTensor(names.token, token, [1, 1]),
      ...extra,
      [names.hidden.name]: hidden,
      [names.cell.name]: cell,
    });
    return {
      hidden: output[names.nextHidden]!,
      cell: output[names.nextCell]!,
      // [1,1,P] or [1,P,1]: the same numbers in the same order, and the joint wants a column.
      output: output[names.output]!.data as Float32Array, // float32 by bindModel
    };
  }

  const start = (): Promise<Prediction> => predict({ hidden: zeroState, cell: zeroState }, blank);

  async function score(prediction: Prediction, firstFrame: number, count: number): Promise<Float32Array> {
    const rows = encoded.subarray(firstFrame * encoderWidth, (firstFrame + count) * encoderWidth);
    const inTime = binding.joint.blockAxis === "time" && count > 1;
    if (filledWith !== prediction.output) {
      filledWith = prediction.output;
      for (let row = 0; row < maxBlock; row++) repeated.set(filledWith, row * predictorWidth);
    }
    const batch = inTime ? 1 : count;
    return run(
      new Tensor(
        "float32",
        inTime ? transpose(rows, count, encoderWidth) : rows,
        inTime ? [1, encoderWidth, count] : [count, encoderWidth, 1],
      ),
      new Tensor("float32", repeated.subarray(0, batch * predictorWidth), [batch, predictorWidth, 1]),
    );
  }

  async function scoreOf(predictions: readonly Prediction[], frame: number): Promise<Float32Array> {
    const count = predictions.length;
    if (count === 1) return score(predictions[0]!, frame, 1);
    if (binding.joint.blockAxis === "batch" && count <= maxBlock) {
      const row = encoded.subarray(frame * encoderWidth, (frame + 1) * encoderWidth);
      const frames = new Float32Array(count * encoderWidth);
      const outputs = new Float32Array(count * predictorWidth);
      for (const [index, { output }] of predictions.entries()) {
        frames.set(row, index * encoderWidth);
        outputs.set(output, index * predictorWidth);
      }
      return run(
        new Tensor("float32", frames, [count, encoderWidth, 1]),
        new Tensor("float32", outputs, [count, predictorWidth, 1]),
      );
    }
    const all = new Float32Array(count * classes);
    for (const [index, prediction] of predictions.entries())
      all.set(await score(prediction, frame, 1), index * classes);
    return all;
  }

  async function run(frames: Tensor, predictions: Tensor): Promise<Float32Array> {
    const output = await joint.run({
      [binding.joint.encoded.name]: frames,
      [binding.joint.predicted.name]: predictions,
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
    start,
    predict,
    joint: score,
    jointOf: scoreOf,
    async probe() {
      const first = await start();
      const single = Float32Array.from(await score(first, 0, 1));
      let sum = 0;
      for (const value of single) sum += Math.exp(value);
      logSoftmaxed = Math.abs(sum - 1) < 1e-3;
      if (binding.joint.blockAxis === "none") return;
      maxBlock = MAX_BLOCK;
      filledWith = undefined;
      try {
        // A joint with dynamically quantized activations scores a block otherwise than its frames: then frames go one by one.
        const block = Float32Array.from(await score(first, 0, MAX_BLOCK));
        for (let frame = 0; frame < MAX_BLOCK; frame++) {
          const alone = await score(first, frame, 1);
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

// ---

/** Longest block of frames in one joint call. Longer ones waste work on frames behind the next token. */
const MAX_BLOCK = 16;
