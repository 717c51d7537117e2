import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import {
  bytesOf,
  DataType,
  elementCount,
  floatTensor,
  makeNode,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type RawField,
} from "../onnx/graph.ts";

/** A graph input or output; a string dimension is dynamic. */
export interface ValueSpec {
  readonly name: string;
  readonly dataType: number;
  readonly dims: readonly (number | string)[];
}

/** Collects nodes and constants; every method returns the name of the value it made. */
export interface GraphBuilder {
  readonly op: (
    opType: string,
    inputs: readonly string[],
    attributes?: Readonly<Record<string, number | readonly number[]>>,
    name?: string,
  ) => string;
  /** As `op`, for nodes with several outputs. */
  readonly ops: (
    opType: string,
    inputs: readonly string[],
    outputs: number,
    attributes?: Readonly<Record<string, number | readonly number[]>>,
  ) => readonly string[];
  readonly ints: (values: readonly number[], scalar?: boolean) => string;
  readonly floats: (dims: readonly number[], values: () => Float32Array) => string;
  readonly scalar: (value: number) => string;
  /** Uniform random weights of the given standard deviation, the same on every call and machine. */
  readonly random: (dims: readonly number[], deviation: number) => string;
  readonly build: (inputs: readonly ValueSpec[], outputs: readonly ValueSpec[]) => OnnxModel;
}

/** Starts an empty graph (IR version 10, operator set 18). `seed` makes two graphs differ. */
export function createGraphBuilder(seed: number): GraphBuilder {
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, OnnxTensor>();
  let counter = 0;
  const fresh = (stem: string): string => `${stem}_${(counter += 1)}`;
  const add = (tensor: OnnxTensor): string => {
    tensors.set(tensor.name, tensor);
    return tensor.name;
  };
  const ops: GraphBuilder["ops"] = (opType, inputs, outputs, attributes) => {
    const names = Array.from({ length: outputs }, () => fresh(opType));
    nodes.push(makeNode(opType, inputs, names, attributes));
    return names;
  };
  const floats: GraphBuilder["floats"] = (dims, values) => add(floatTensor(fresh("w"), dims, async () => values()));
  return {
    op: (opType, inputs, attributes, name = fresh(opType)) => {
      nodes.push(makeNode(opType, inputs, name, attributes));
      return name;
    },
    ops,
    ints: (values, scalar = false) => {
      const bytes = bytesOf(BigInt64Array.from(values, BigInt));
      return add({
        name: fresh("i"),
        dims: scalar ? [] : [values.length],
        dataType: DataType.int64,
        byteLength: bytes.byteLength,
        read: async () => bytes,
      });
    },
    floats,
    scalar: (value) => floats([], () => Float32Array.of(value)),
    random: (dims, deviation) => {
      const tensorSeed = seed * 7919 + counter;
      return floats(dims, () => uniform(elementCount(dims), deviation, tensorSeed));
    },
    build: (inputs, outputs) => ({
      irVersion: 10,
      opsets: new Map([["", 18]]),
      modelRest: [],
      nodes,
      tensors,
      graphRest: [
        { field: 2, bytes: new TextEncoder().encode("synthetic") },
        ...inputs.map((spec): RawField => ({ field: 11, bytes: encodeValueInfo(spec) })),
        ...outputs.map((spec): RawField => ({ field: 12, bytes: encodeValueInfo(spec) })),
      ],
    }),
  };
}

/** Uniform numbers with mean 0 and the given standard deviation; Numerical Recipes' 32-bit linear congruential generator. */
function uniform(count: number, deviation: number, seed: number): Float32Array {
  const values = new Float32Array(count);
  const scale = (2 * Math.sqrt(3) * deviation) / 2 ** 32;
  let state = Math.imul(seed + 1, 2654435761) >>> 0;
  for (let i = 0; i < count; i += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    values[i] = (state - 2 ** 31) * scale;
  }
  return values;
}

/** Encodes a ValueInfoProto: name = 1, type = 2 { tensor_type = 1 { elem_type = 1, shape = 2 { dim = 1 { dim_value = 1 | dim_param = 2 } } } }. */
export function encodeValueInfo({ name, dataType, dims }: ValueSpec): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(name);
  writer.tag(2, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(dataType).tag(2, WireType.LengthDelimited).fork();
  for (const dim of dims) {
    writer.tag(1, WireType.LengthDelimited).fork();
    if (typeof dim === "number") writer.tag(1, WireType.Varint).int64(dim);
    else writer.tag(2, WireType.LengthDelimited).string(dim);
    writer.join();
  }
  return writer.join().join().join().finish();
}
