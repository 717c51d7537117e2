import { GigasttError } from "../../shared/errors.ts";

/** One input or output as the ONNX session describes it; a symbolic dimension is a string. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

export interface GraphInfo {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
}

/** How the three graphs of a model are fed, read from their metadata: names first, positions where exporters disagree. */
export interface ModelBinding {
  readonly encoder: {
    readonly features: string;
    readonly length: TensorInfo;
    readonly encoded: string;
    readonly encodedLength: string;
  };
  readonly decoder: {
    readonly token: TensorInfo;
    /** sherpa-onnx exports carry an unused length input. */
    readonly extra: TensorInfo | undefined;
    readonly hidden: TensorInfo;
    readonly cell: TensorInfo;
    readonly output: string;
    readonly nextHidden: string;
    readonly nextCell: string;
  };
  readonly joint: {
    readonly encoded: TensorInfo;
    readonly predicted: TensorInfo;
    readonly logits: string;
    /** Axis along which one call may take many encoder frames. */
    readonly blockAxis: "batch" | "time" | "none";
  };
  /** Mel bins the encoder takes. */
  readonly melBins: number;
  /** Width of the encoder's output. */
  readonly encoderWidth: number;
  readonly predictorWidth: number;
  /** Pieces and blank together. */
  readonly classes: number;
}

/** Binds the graphs. Throws a GigasttError naming the graph and what it lacks. */
export function bindModel(encoder: GraphInfo, decoder: GraphInfo, joint: GraphInfo): ModelBinding {
  const features = pick(encoder.inputs, "encoder", ["audio_signal"], 0);
  const length = pick(encoder.inputs, "encoder", ["length"], 1);
  const encoded = pick(encoder.outputs, "encoder", ["encoded", "outputs"], 0);
  const encodedLength = pick(encoder.outputs, "encoder", ["encoded_len", "encoded_lengths"], 1);

  const token = pick(decoder.inputs, "decoder", ["x", "targets"], 0);
  const floats = decoder.inputs.filter((input) => input.type === "float32");
  const hidden = pick(floats, "decoder", ["h.1", "hi", "h"], 0);
  const cell = pick(floats, "decoder", ["c.1", "ci", "c"], 1);
  const extra = decoder.inputs.find((input) => input !== token && input.type !== "float32");
  const floatOutputs = decoder.outputs.filter((output) => output.type === "float32");
  const output = pick(floatOutputs, "decoder", ["dec"], 0);
  const nextHidden = pick(floatOutputs, "decoder", ["h", "ho"], 1);
  const nextCell = pick(floatOutputs, "decoder", ["c", "co"], 2);

  const enc = pick(joint.inputs, "joint", ["enc"], 0);
  const dec = pick(joint.inputs, "joint", ["dec"], 1);
  const logits = pick(joint.outputs, "joint", ["joint"], 0);
  const batchIsFree = typeof enc.shape[0] === "string" && typeof dec.shape[0] === "string";

  return {
    encoder: { features: features.name, length, encoded: encoded.name, encodedLength: encodedLength.name },
    decoder: { token, extra, hidden, cell, output: output.name, nextHidden: nextHidden.name, nextCell: nextCell.name },
    joint: {
      encoded: enc,
      predicted: dec,
      logits: logits.name,
      blockAxis: batchIsFree ? "batch" : typeof enc.shape[2] === "string" ? "time" : "none",
    },
    melBins: size(features, 1, "encoder"),
    encoderWidth: size(enc, 1, "joint"),
    predictorWidth: size(dec, 1, "joint"),
    classes: size(logits, logits.shape.length - 1, "joint"),
  };
}

/** How the one graph of a CTC model is fed. */
export interface CtcBinding {
  readonly features: string;
  readonly length: TensorInfo;
  /** [1, frames, classes]. */
  readonly scores: string;
  readonly melBins: number;
  /** Pieces and blank together; undefined when the graph leaves it open. */
  readonly classes: number | undefined;
}

/** Binds the graph of a CTC model. Throws a GigasttError naming what it lacks. */
export function bindCtc(graph: GraphInfo): CtcBinding {
  const features = pick(graph.inputs, CTC_GRAPH, ["features", "audio_signal"], 0);
  const length = pick(graph.inputs, CTC_GRAPH, ["feature_lengths", "length"], 1);
  const scores = pick(graph.outputs, CTC_GRAPH, ["log_probs", "logprobs"], 0);
  if (features.type !== "float32" || scores.type !== "float32" || scores.shape.length !== 3) {
    throw unsupported(CTC_GRAPH, `"${scores.name}" must be float32 of three axes (batch, time, class)`);
  }
  return {
    features: features.name,
    length,
    scores: scores.name,
    melBins: size(features, 1, CTC_GRAPH),
    classes: typeof scores.shape[2] === "number" && scores.shape[2] > 0 ? scores.shape[2] : undefined,
  };
}

// ---

const CTC_GRAPH = "graph";

function pick(tensors: readonly TensorInfo[], graph: string, names: readonly string[], position: number): TensorInfo {
  for (const name of names) {
    const found = tensors.find((tensor) => tensor.name === name);
    if (found) return found;
  }
  const found = tensors[position];
  if (found) return found;
  throw unsupported(
    graph,
    `it has no tensor "${names[0]}" (found: ${tensors.map((tensor) => tensor.name).join(", ") || "none"})`,
  );
}

function size(tensor: TensorInfo, axis: number, graph: string): number {
  const dimension = tensor.shape[axis];
  if (typeof dimension === "number" && dimension > 0) return dimension;
  throw unsupported(graph, `axis ${axis} of "${tensor.name}" must have a fixed size, got ${String(dimension)}`);
}

function unsupported(graph: string, what: string): GigasttError {
  return new GigasttError(
    "GST_MODEL_UNSUPPORTED",
    `the model's ${graph} does not have the shape of a GigaAM ${graph === CTC_GRAPH ? "CTC model" : "RNN-T"}: ${what}. Install a supported model with \`gigastt models pull\`.`,
  );
}
