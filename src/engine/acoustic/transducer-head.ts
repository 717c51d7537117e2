import { type InferenceSession, Tensor } from "onnxruntime-node";
import { decodeWithHotWords } from "./beam.ts";
import { bindModel } from "./binding.ts";
import { decodeGreedy } from "./greedy.ts";
import { withExpected, type Head } from "./head.ts";
import { createHotWordGraphs } from "./hot-words.ts";
import type { LoadRequest, TransducerFiles } from "./protocol.ts";
import { describe, openEncoder, openGraph } from "./sessions.ts";
import { integerTensor, transpose } from "./tensors.ts";
import { createTransducer } from "./transducer.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** Three graphs: encoder, prediction network and joint. */
export async function openTransducerHead(
  request: LoadRequest & { readonly transducer: TransducerFiles },
  options: InferenceSession.SessionOptions,
  vocabulary: Vocabulary,
): Promise<Head> {
  // The small graphs run one after the other on the worker's own thread: more threads only cost hand-overs.
  const small = { ...options, intraOpNumThreads: 1 };
  const { encoder, encoderFrom } = await openEncoder(request, options);
  const decoder = await openGraph("decoder", request.transducer.decoderPath, small);
  const joint = await openGraph("joint", request.transducer.jointPath, small);
  const binding = bindModel(describe(encoder), describe(decoder), describe(joint));
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

  const graphOf = createHotWordGraphs(vocabulary);
  return {
    melBins: binding.melBins,
    classes: binding.classes,
    encoderFrom,
    async recognize(features, frames, hotWords) {
      const begun = performance.now();
      const encoded = await encode(features, frames);
      const encoderMs = performance.now() - begun;
      transducer.load(encoded.data);
      const { maxSymbolsPerFrame } = request;
      const read = { encodedFrames: encoded.frames, encoderMs };
      if (hotWords.length === 0) {
        return { tokens: await decodeGreedy(transducer, encoded.frames, maxSymbolsPerFrame), ...read };
      }
      const graph = graphOf(hotWords);
      const { tokens, isPlain, plain } = await decodeWithHotWords(
        transducer,
        graph,
        encoded.frames,
        maxSymbolsPerFrame,
      );
      return { ...(isPlain ? { tokens } : withExpected(tokens, await plain(), graph)), ...read };
    },
    async probe(features, frames) {
      transducer.load((await encode(features, frames)).data);
      await transducer.probe();
    },
    release: async () => {
      await Promise.all([encoder.release(), decoder.release(), joint.release()]);
    },
  };
}
