import { type InferenceSession, Tensor } from "onnxruntime-node";
import { GigasttError } from "../../shared/errors.ts";
import { bindCtc } from "./binding.ts";
import { decodeCtc } from "./ctc.ts";
import { decodeCtcWithHotWords } from "./ctc-beam.ts";
import { withExpected, type Head } from "./head.ts";
import { createHotWordGraphs } from "./hot-words.ts";
import type { LoadRequest } from "./protocol.ts";
import { describe, openEncoder } from "./sessions.ts";
import { integerTensor } from "./tensors.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** One graph: features in, the scores of every class for every frame out. */
export async function openCtcHead(
  request: LoadRequest,
  options: InferenceSession.SessionOptions,
  vocabulary: Vocabulary,
): Promise<Head> {
  const { pieces, blank } = vocabulary;
  const graphOf = createHotWordGraphs(vocabulary);
  const { encoder, encoderFrom } = await openEncoder(request, options);
  const binding = bindCtc(describe(encoder));
  const classes = binding.classes ?? pieces.length + 1;
  let logSoftmaxed = true;

  /** Row-major [frames, classes]. One window at a time, so no frame is padding. */
  async function score(features: Float32Array, frames: number): Promise<{ scores: Float32Array; frames: number }> {
    const output = await encoder.run({
      [binding.features]: new Tensor("float32", features, [1, binding.melBins, frames]),
      [binding.length.name]: integerTensor(binding.length, frames, [1]),
    });
    const { data, dims } = output[binding.scores]!;
    if (dims[2] !== classes) {
      throw new GigasttError(
        "GST_MODEL_VOCABULARY",
        `the vocabulary has ${pieces.length} pieces and a blank, the model scores ${dims[2]} classes: the files belong to different models, run \`gigastt models verify\`.`,
      );
    }
    const scores = data as Float32Array; // float32 by bindCtc
    return { scores, frames: scores.length / classes };
  }

  return {
    melBins: binding.melBins,
    classes,
    encoderFrom,
    async recognize(features, frames, hotWords) {
      const begun = performance.now();
      const scored = await score(features, frames);
      const encoderMs = performance.now() - begun;
      const form = { frames: scored.frames, classes, blank, logSoftmaxed };
      const read = { encodedFrames: scored.frames, encoderMs };
      if (hotWords.length === 0) return { tokens: decodeCtc(scored.scores, form), ...read };
      const graph = graphOf(hotWords);
      const tokens = decodeCtcWithHotWords(scored.scores, form, graph);
      return { ...withExpected(tokens, decodeCtc(scored.scores, form), graph), ...read };
    },
    async probe(features, frames) {
      const { scores } = await score(features, frames);
      let sum = 0;
      for (let k = 0; k < classes; k++) sum += Math.exp(scores[k]!);
      logSoftmaxed = Math.abs(sum - 1) < 1e-3;
    },
    release: () => encoder.release(),
  };
}
