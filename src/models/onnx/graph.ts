/**
 * The parts of an ONNX model that graph rewriting needs. Weights stay in the file until they are read, so a rewrite
 * of an 885 MB encoder holds one tensor at a time.
 */
export interface OnnxModel {
  readonly irVersion: number;
  /** Operator-set version by domain; `""` is the standard one. */
  readonly opsets: ReadonlyMap<string, number>;
  /** Model fields that are carried over unchanged: `[field number, message bytes]`. */
  readonly modelRest: readonly RawField[];
  readonly nodes: readonly OnnxNode[];
  readonly tensors: ReadonlyMap<string, OnnxTensor>;
  /** Graph fields that are carried over unchanged: name, inputs, outputs, value infos. */
  readonly graphRest: readonly RawField[];
}

/** A length-delimited protobuf field kept as it was. */
export interface RawField {
  readonly field: number;
  readonly bytes: Uint8Array;
}

export interface OnnxNode {
  readonly name: string;
  readonly opType: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: readonly OnnxAttribute[];
}

export interface OnnxAttribute {
  readonly name: string;
  readonly value: AttributeValue;
}

/** `raw` keeps the whole AttributeProto for kinds that no rewrite looks into (tensors, sub-graphs, strings). */
export type AttributeValue =
  | { readonly kind: "int"; readonly int: number }
  | { readonly kind: "float"; readonly float: number }
  | { readonly kind: "ints"; readonly ints: readonly number[] }
  | { readonly kind: "raw"; readonly bytes: Uint8Array };

/** A constant of the graph. `read` gives its little-endian bytes, `byteLength` of them, read again each time. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  readonly byteLength: number;
  readonly read: () => Promise<Uint8Array>;
}

/** TensorProto.DataType values used here (onnx.proto3). */
export const DataType: {
  readonly float32: 1;
  readonly uint8: 2;
  readonly int8: 3;
  readonly int32: 6;
  readonly int64: 7;
  readonly bool: 9;
} = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9 };

/** Makes a one-output node with the given attributes. */
export function makeNode(
  opType: string,
  inputs: readonly string[],
  output: string | readonly string[],
  attributes: Readonly<Record<string, number | readonly number[]>> = {},
): OnnxNode {
  const outputs = typeof output === "string" ? [output] : output;
  return {
    name: `${outputs[0] ?? ""}/${opType}`,
    opType,
    domain: "",
    inputs,
    outputs,
    attributes: Object.entries(attributes).map(([name, value]) => ({
      name,
      value: typeof value === "number" ? floatOrInt(name, value) : { kind: "ints", ints: value },
    })),
  };
}

/** Returns a float32 constant whose values are made when they are needed. */
export function floatTensor(name: string, dims: readonly number[], values: () => Promise<Float32Array>): OnnxTensor {
  return {
    name,
    dims,
    dataType: DataType.float32,
    byteLength: 4 * elementCount(dims),
    read: async () => bytesOf(await values()),
  };
}

/** Returns the number of elements of a shape; 1 for a scalar. */
export function elementCount(dims: readonly number[]): number {
  return dims.reduce((product, dim) => product * dim, 1);
}

/** Returns the bytes behind a typed array, without a copy. */
export function bytesOf(values: Float32Array | Int8Array | BigInt64Array | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/** Returns a tensor's values as float32. Copies only when the bytes are not aligned. */
export async function readFloats(tensor: OnnxTensor): Promise<Float32Array> {
  const bytes = await tensor.read();
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Float32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}

/** Returns the integer list of an attribute, or the fallback when the node does not carry it. */
export function intsAttribute(node: OnnxNode, name: string, fallback: readonly number[]): readonly number[] {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  return value?.kind === "ints" ? value.ints : fallback;
}

/** Returns the integer of an attribute, or the fallback when the node does not carry it. */
export function intAttribute(node: OnnxNode, name: string, fallback: number): number {
  const value = node.attributes.find((attribute) => attribute.name === name)?.value;
  return value?.kind === "int" ? value.int : fallback;
}

/** Attributes that ONNX defines as floats, among those that rewrites write. */
const FLOAT_ATTRIBUTES = new Set(["epsilon", "alpha", "beta"]);

function floatOrInt(name: string, value: number): AttributeValue {
  return FLOAT_ATTRIBUTES.has(name) ? { kind: "float", float: value } : { kind: "int", int: value };
}
