import { DataType, type OnnxModel } from "../onnx/graph.ts";
import { createGraphBuilder, type GraphBuilder } from "./graph-builder.ts";

/** Dimensions of a conformer transducer. */
export interface ConformerSize {
  readonly melBins: number;
  readonly layers: number;
  readonly width: number;
  readonly heads: number;
  readonly feedForward: number;
  readonly convolutionKernel: number;
  readonly predictionWidth: number;
  readonly jointWidth: number;
  /** Pieces without the blank. */
  readonly vocabulary: number;
}

/** GigaAM v3 e2e RNN-T: 16 layers of width 768, rotary attention with 16 heads, about 221 million encoder weights. */
export const GIGAAM_SIZE: ConformerSize = {
  melBins: 64,
  layers: 16,
  width: 768,
  heads: 16,
  feedForward: 3072,
  convolutionKernel: 5,
  predictionWidth: 320,
  jointWidth: 320,
  vocabulary: 1024,
};

const MAX_POSITIONS = 5000;

/** Returns a conformer encoder with random weights: `audio_signal [B, mel, T]`, `length [B]` → `encoded [B, width, T']`, `encoded_len [B]`. */
export function conformerEncoder(size: ConformerSize): OnnxModel {
  const g = createGraphBuilder(1);
  const { width } = size;
  // Two stride-2 convolutions: T' = (T - 1) // 4 + 1.
  let signal = subsample(g, "audio_signal", size.melBins, width);
  signal = subsample(g, signal, width, width);
  let x = g.op("Transpose", [signal], { perm: [0, 2, 1] });
  const lengthPlus3 = g.op("Add", ["length", g.ints([3], true)]);
  const frames64 = g.op("Div", [lengthPlus3, g.ints([4], true)]);
  const rotary = rotaryTables(g, x, width / size.heads);
  const mask = paddingMask(g, x, frames64);
  for (let layer = 0; layer < size.layers; layer += 1) {
    x = halfFeedForward(g, x, size);
    x = g.op("Add", [x, attention(g, layerNorm(g, x, width), size, rotary, mask)]);
    x = g.op("Add", [x, convolution(g, layerNorm(g, x, width), size)]);
    x = layerNorm(g, halfFeedForward(g, x, size), width);
  }
  g.op("Transpose", [x], { perm: [0, 2, 1] }, "encoded");
  g.op("Cast", [frames64], { to: DataType.int32 }, "encoded_len");
  return g.build(
    [
      { name: "audio_signal", dataType: DataType.float32, dims: ["B", size.melBins, "T"] },
      { name: "length", dataType: DataType.int64, dims: ["B"] },
    ],
    [
      { name: "encoded", dataType: DataType.float32, dims: ["B", width, "S"] },
      { name: "encoded_len", dataType: DataType.int32, dims: ["B"] },
    ],
  );
}

/** Returns a one-layer LSTM prediction network: `x [B, 1]`, `h.1`, `c.1 [1, B, P]` → `dec [B, 1, P]`, `h`, `c`. */
export function predictionNetwork(size: ConformerSize): OnnxModel {
  const g = createGraphBuilder(2);
  const width = size.predictionWidth;
  const embedding = g.random([size.vocabulary + 1, width], 1);
  const embedded = g.op("Transpose", [g.op("Gather", [embedding, "x"])], { perm: [1, 0, 2] });
  const deviation = 1 / Math.sqrt(width);
  const weights = [g.random([1, 4 * width, width], deviation), g.random([1, 4 * width, width], deviation)];
  const bias = g.random([1, 8 * width], 0.1);
  const [, hidden = "", cell = ""] = g.ops("LSTM", [embedded, ...weights, bias, "", "h.1", "c.1"], 3, {
    hidden_size: width,
  });
  g.op("Transpose", [hidden], { perm: [1, 0, 2] }, "dec");
  g.op("Identity", [hidden], {}, "h");
  g.op("Identity", [cell], {}, "c");
  const state = { dataType: DataType.float32, dims: [1, "B", width] };
  return g.build(
    [
      { name: "x", dataType: DataType.int64, dims: ["B", 1] },
      { name: "h.1", ...state },
      { name: "c.1", ...state },
    ],
    [
      { name: "dec", dataType: DataType.float32, dims: ["B", 1, width] },
      { name: "h", ...state },
      { name: "c", ...state },
    ],
  );
}

/** Returns a joint network: `enc [B, width, 1]`, `dec [B, P, 1]` → log-probabilities `joint [B, 1, 1, vocabulary + 1]`. */
export function jointNetwork(size: ConformerSize): OnnxModel {
  const g = createGraphBuilder(3);
  const project = (input: string, from: number): string =>
    linear(g, g.op("Transpose", [input], { perm: [0, 2, 1] }), from, size.jointWidth);
  const sum = g.op("Add", [project("enc", size.width), project("dec", size.predictionWidth)]);
  const hidden = g.op("Unsqueeze", [g.op("Relu", [sum]), g.ints([1])]);
  const classes = size.vocabulary + 1;
  const logits = g.op("MatMul", [hidden, g.random([size.jointWidth, classes], 1 / Math.sqrt(size.jointWidth))]);
  // The blank's lead over the random pieces: with less, a random joint never stops emitting once it has begun.
  const bias = g.floats([classes], () => new Float32Array(classes).fill(BLANK_LEAD, classes - 1));
  g.op("LogSoftmax", [g.op("Add", [logits, bias])], { axis: -1 }, "joint");
  return g.build(
    [
      { name: "enc", dataType: DataType.float32, dims: ["B", size.width, 1] },
      { name: "dec", dataType: DataType.float32, dims: ["B", size.predictionWidth, 1] },
    ],
    [{ name: "joint", dataType: DataType.float32, dims: ["B", 1, 1, classes] }],
  );
}

const BLANK_LEAD = 3.4;

function subsample(g: GraphBuilder, input: string, from: number, to: number): string {
  const weight = g.random([to, from, 5], 1 / Math.sqrt(from * 5));
  return g.op("Relu", [
    g.op("Conv", [input, weight, g.random([to], 0.1)], { kernel_shape: [5], strides: [2], pads: [2, 2] }),
  ]);
}

function linear(g: GraphBuilder, input: string, from: number, to: number): string {
  return g.op("Add", [g.op("MatMul", [input, g.random([from, to], 1 / Math.sqrt(from))]), g.random([to], 0.1)]);
}

function layerNorm(g: GraphBuilder, input: string, width: number): string {
  const ones = g.floats([width], () => new Float32Array(width).fill(1));
  const zeros = g.floats([width], () => new Float32Array(width));
  return g.op("LayerNormalization", [input, ones, zeros], { axis: -1, epsilon: 1e-5 });
}

function swish(g: GraphBuilder, input: string): string {
  return g.op("Mul", [input, g.op("Sigmoid", [input])]);
}

function halfFeedForward(g: GraphBuilder, x: string, { width, feedForward }: ConformerSize): string {
  const inner = swish(g, linear(g, layerNorm(g, x, width), width, feedForward));
  return g.op("Add", [x, g.op("Mul", [linear(g, inner, feedForward, width), g.scalar(0.5)])]);
}

interface Rotary {
  readonly cos: string;
  readonly sin: string;
}

/** cos and sin of the positions in use, `[1, 1, T', headWidth]` (rotary embedding with base 10000). */
function rotaryTables(g: GraphBuilder, x: string, headWidth: number): Rotary {
  const frames = g.op("Gather", [g.op("Shape", [x]), g.ints([1])], { axis: 0 });
  const table = (wave: (angle: number) => number): string => {
    const values = g.floats([1, 1, MAX_POSITIONS, headWidth], () => {
      const out = new Float32Array(MAX_POSITIONS * headWidth);
      for (let i = 0; i < out.length; i += 1) {
        const pair = (i % headWidth) % (headWidth / 2);
        out[i] = wave(Math.floor(i / headWidth) * 10000 ** ((-2 * pair) / headWidth));
      }
      return out;
    });
    return g.op("Slice", [values, g.ints([0]), frames, g.ints([2])]);
  };
  return { cos: table(Math.cos), sin: table(Math.sin) };
}

/** 0 for frames of the signal, -10000 for padding, `[B, 1, 1, T']`. */
function paddingMask(g: GraphBuilder, x: string, frames64: string): string {
  const total = g.op("Gather", [g.op("Shape", [x]), g.ints([1], true)], { axis: 0 });
  const positions = g.op("Range", [g.ints([0], true), total, g.ints([1], true)]);
  const outside = g.op("GreaterOrEqual", [positions, g.op("Unsqueeze", [frames64, g.ints([1])])]);
  const bias = g.op("Mul", [g.op("Cast", [outside], { to: DataType.float32 }), g.scalar(-10_000)]);
  return g.op("Unsqueeze", [bias, g.ints([1, 2])]);
}

function attention(g: GraphBuilder, x: string, size: ConformerSize, rotary: Rotary, mask: string): string {
  const { width, heads } = size;
  const headWidth = width / heads;
  const split = (): string => {
    const shaped = g.op("Reshape", [linear(g, x, width, width), g.ints([0, -1, heads, headWidth])]);
    return g.op("Transpose", [shaped], { perm: [0, 2, 1, 3] });
  };
  const rotate = (input: string): string => {
    const [low = "", high = ""] = g.ops("Split", [input], 2, { axis: -1, num_outputs: 2 });
    const turned = g.op("Concat", [g.op("Neg", [high]), low], { axis: -1 });
    return g.op("Add", [g.op("Mul", [input, rotary.cos]), g.op("Mul", [turned, rotary.sin])]);
  };
  const query = rotate(split());
  const key = g.op("Transpose", [rotate(split())], { perm: [0, 1, 3, 2] });
  const value = split();
  const scores = g.op("Mul", [g.op("MatMul", [query, key]), g.scalar(1 / Math.sqrt(headWidth))]);
  const weights = g.op("Softmax", [g.op("Add", [scores, mask])], { axis: -1 });
  const mixed = g.op("Transpose", [g.op("MatMul", [weights, value])], { perm: [0, 2, 1, 3] });
  return linear(g, g.op("Reshape", [mixed, g.ints([0, -1, width])]), width, width);
}

function convolution(g: GraphBuilder, x: string, { width, convolutionKernel }: ConformerSize): string {
  const pointwise = (input: string, from: number, to: number): string =>
    g.op("Conv", [input, g.random([to, from, 1], 1 / Math.sqrt(from)), g.random([to], 0.1)], {
      kernel_shape: [1],
      strides: [1],
      pads: [0, 0],
    });
  const gates = pointwise(g.op("Transpose", [x], { perm: [0, 2, 1] }), width, 2 * width);
  const [content = "", gate = ""] = g.ops("Split", [gates], 2, { axis: 1, num_outputs: 2 });
  const gated = g.op("Mul", [content, g.op("Sigmoid", [gate])]);
  const half = (convolutionKernel - 1) / 2;
  const kernel = g.random([width, 1, convolutionKernel], 1 / Math.sqrt(convolutionKernel));
  const depthwise = g.op("Conv", [gated, kernel, g.random([width], 0.1)], {
    kernel_shape: [convolutionKernel],
    strides: [1],
    pads: [half, half],
    group: width,
  });
  const normed = layerNorm(g, g.op("Transpose", [depthwise], { perm: [0, 2, 1] }), width);
  const active = g.op("Transpose", [swish(g, normed)], { perm: [0, 2, 1] });
  return g.op("Transpose", [pointwise(active, width, width)], { perm: [0, 2, 1] });
}
