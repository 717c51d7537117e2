import { open, type FileHandle } from "node:fs/promises";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { GigasttError } from "../../shared/errors.ts";
import {
  DataType,
  elementCount,
  type AttributeValue,
  type OnnxAttribute,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  type RawField,
} from "./graph.ts";

/** An opened model file. The tensors read from it, so it stays open until `close`. */
export interface OpenedModel extends OnnxModel {
  readonly close: () => Promise<void>;
}

/** Field numbers of onnx.proto3. */
const MODEL = { irVersion: 1, graph: 7, opsetImport: 8 };
const GRAPH = { node: 1, initializer: 5, output: 12 };
const TENSOR = {
  dims: 1,
  dataType: 2,
  floatData: 4,
  int32Data: 5,
  int64Data: 7,
  name: 8,
  rawData: 9,
  externalData: 13,
};

/** Messages other than weights are read whole; none in a sane graph is near this. */
const MAX_MESSAGE_BYTES = 64 * 2 ** 20;

/**
 * Opens an ONNX file and indexes it: nodes and small messages are read, weights only located. Memory stays at a few megabytes
 * whatever the file's size.
 *
 * @throws GigasttError `GST_MODEL_FORMAT` when the file is not a well-formed ONNX model or keeps weights in other files.
 */
export async function openOnnx(path: string): Promise<OpenedModel> {
  const file = await open(path, "r");
  try {
    const cursor = new FileCursor(file, 0, (await file.stat()).size);
    return { ...(await readModel(cursor, file)), close: () => file.close() };
  } catch (error) {
    await file.close();
    if (error instanceof GigasttError) throw error;
    throw formatError("a well-formed protobuf is expected", error);
  }
}

/** Returns the names of a graph's outputs. */
export function outputNames(graphRest: readonly RawField[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { field, bytes } of graphRest) {
    if (field !== GRAPH.output) continue;
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (number === 1) names.add(reader.string());
      else reader.skip(type, number);
    }
  }
  return names;
}

async function readModel(cursor: FileCursor, file: FileHandle): Promise<OnnxModel> {
  let irVersion = 0;
  const opsets = new Map<string, number>();
  const modelRest: RawField[] = [];
  let graph: Pick<OnnxModel, "nodes" | "tensors" | "graphRest"> | undefined;
  while (cursor.position < cursor.end) {
    const { field, type } = await cursor.tag();
    if (type === WireType.Varint) {
      const value = await cursor.varint();
      // model_version (field 5) is dropped: a rewritten model is not that version any more.
      if (field === MODEL.irVersion) irVersion = value;
      continue;
    }
    if (type !== WireType.LengthDelimited) throw formatError(`field ${field} has wire type ${type}`);
    const length = await cursor.varint();
    if (field === MODEL.graph) {
      graph = await readGraph(cursor.enter(length), file);
      continue;
    }
    const bytes = await cursor.bytes(length);
    if (field === MODEL.opsetImport) readOpset(bytes, opsets);
    else modelRest.push({ field, bytes });
  }
  if (!graph) throw formatError("no graph was found in it");
  return { irVersion, opsets, modelRest, ...graph };
}

async function readGraph(
  cursor: FileCursor,
  file: FileHandle,
): Promise<Pick<OnnxModel, "nodes" | "tensors" | "graphRest">> {
  const nodes: OnnxNode[] = [];
  const tensors = new Map<string, OnnxTensor>();
  const graphRest: RawField[] = [];
  while (cursor.position < cursor.end) {
    const { field, type } = await cursor.tag();
    if (type !== WireType.LengthDelimited) throw formatError(`graph field ${field} has wire type ${type}`);
    const length = await cursor.varint();
    if (field === GRAPH.initializer) {
      const tensor = await readTensor(cursor.enter(length), file);
      tensors.set(tensor.name, tensor);
    } else {
      const bytes = await cursor.bytes(length);
      if (field === GRAPH.node) nodes.push(readNode(bytes));
      else graphRest.push({ field, bytes });
    }
  }
  return { nodes, tensors, graphRest };
}

/** Locates a tensor's values; integers that are stored as varints are decoded at once, they are few. */
async function readTensor(cursor: FileCursor, file: FileHandle): Promise<OnnxTensor> {
  let name = "";
  let dataType = 0;
  const dims: number[] = [];
  let located = { offset: 0, length: 0 };
  let decoded: number[] | undefined;
  while (cursor.position < cursor.end) {
    const { field, type } = await cursor.tag();
    if (type === WireType.Varint) {
      const value = await cursor.varint();
      if (field === TENSOR.dims) dims.push(value);
      else if (field === TENSOR.dataType) dataType = value;
      else if (field === TENSOR.int32Data || field === TENSOR.int64Data) (decoded ??= []).push(value);
      continue;
    }
    if (type === WireType.Bit32) throw formatError("weights as unpacked floats are not supported");
    if (type !== WireType.LengthDelimited) throw formatError(`tensor field ${field} has wire type ${type}`);
    const length = await cursor.varint();
    if (field === TENSOR.rawData || field === TENSOR.floatData) {
      // Packed floats have the same bytes as raw data: little-endian, one after the other.
      located = { offset: cursor.position, length };
      cursor.skip(length);
      continue;
    }
    const bytes = await cursor.bytes(length);
    if (field === TENSOR.name) name = new TextDecoder().decode(bytes);
    else if (field === TENSOR.dims) dims.push(...packedVarints(bytes));
    else if (field === TENSOR.int32Data || field === TENSOR.int64Data) decoded = packedVarints(bytes);
    else if (field === TENSOR.externalData)
      throw formatError(`the weights of ${name || "a tensor"} are in another file`);
  }
  if (decoded) return integerTensor(name, dims, dataType, decoded);
  const elements = elementCount(dims);
  if (!Number.isSafeInteger(elements)) throw formatError(`the shape of ${name} is not valid`);
  if (dataType === DataType.float32 && located.length !== 4 * elements) {
    throw formatError(`${name} holds ${located.length} bytes where its shape needs ${4 * elements}`);
  }
  const { offset, length } = located;
  return { name, dims, dataType, byteLength: length, read: () => readAt(file, offset, length) };
}

function integerTensor(name: string, dims: readonly number[], dataType: number, values: number[]): OnnxTensor {
  const bytes =
    dataType === DataType.int64
      ? new Uint8Array(BigInt64Array.from(values, BigInt).buffer)
      : dataType === DataType.int32
        ? new Uint8Array(Int32Array.from(values).buffer)
        : Uint8Array.from(values); // int8, uint8 and bool are one byte each
  return { name, dims, dataType, byteLength: bytes.byteLength, read: async () => bytes };
}

function readNode(bytes: Uint8Array): OnnxNode {
  const reader = new BinaryReader(bytes);
  const inputs: string[] = [];
  const outputs: string[] = [];
  const attributes: OnnxAttribute[] = [];
  let name = "";
  let opType = "";
  let domain = "";
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) inputs.push(reader.string());
    else if (field === 2) outputs.push(reader.string());
    else if (field === 3) name = reader.string();
    else if (field === 4) opType = reader.string();
    else if (field === 5) attributes.push(readAttribute(reader.bytes()));
    else if (field === 7) domain = reader.string();
    else reader.skip(type, field);
  }
  return { name, opType, domain, inputs, outputs, attributes };
}

/** AttributeProto.AttributeType of the kinds that rewrites look into. */
const ATTRIBUTE_TYPE = { float: 1, int: 2, ints: 7 };

function readAttribute(bytes: Uint8Array): OnnxAttribute {
  const reader = new BinaryReader(bytes);
  let name = "";
  let kind = 0;
  let int = 0;
  let float = 0;
  const ints: number[] = [];
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) name = reader.string();
    else if (field === 2) float = reader.float();
    else if (field === 3) int = Number(reader.int64());
    else if (field === 8 && type === WireType.LengthDelimited) ints.push(...packedVarints(reader.bytes()));
    else if (field === 8) ints.push(Number(reader.int64()));
    else if (field === 20) kind = reader.int32();
    else reader.skip(type, field);
  }
  const value: AttributeValue =
    kind === ATTRIBUTE_TYPE.int
      ? { kind: "int", int }
      : kind === ATTRIBUTE_TYPE.float
        ? { kind: "float", float }
        : kind === ATTRIBUTE_TYPE.ints
          ? { kind: "ints", ints }
          : { kind: "raw", bytes };
  return { name, value };
}

function readOpset(bytes: Uint8Array, opsets: Map<string, number>): void {
  const reader = new BinaryReader(bytes);
  let domain = "";
  let version = 0;
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1) domain = reader.string();
    else if (field === 2) version = Number(reader.int64());
    else reader.skip(type, field);
  }
  opsets.set(domain, version);
}

function packedVarints(bytes: Uint8Array): number[] {
  const reader = new BinaryReader(bytes);
  const values: number[] = [];
  while (reader.pos < reader.len) values.push(Number(reader.int64()));
  return values;
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0) throw formatError(`it ends ${length - filled} bytes before the end of its weights`);
    filled += bytesRead;
  }
  return bytes;
}

/** The error for a file that is not a model, or not one that can be rewritten. */
export function formatError(reason: string, cause?: unknown): GigasttError {
  return new GigasttError("GST_MODEL_FORMAT", `the model file is not usable: ${reason}. Pull or export it again.`, {
    cause,
  });
}

/** Walks protobuf fields of a file region through a small buffer. */
class FileCursor {
  readonly #file: FileHandle;
  readonly #parent: FileCursor | undefined;
  readonly end: number;
  #buffer = new Uint8Array(0);
  #bufferStart = 0;
  #position: number;

  constructor(file: FileHandle, start: number, end: number, parent?: FileCursor) {
    this.#file = file;
    this.#position = start;
    this.end = end;
    this.#parent = parent;
    if (parent) {
      this.#buffer = parent.#buffer;
      this.#bufferStart = parent.#bufferStart;
    }
  }

  get position(): number {
    return this.#position;
  }

  /** A cursor over the next `length` bytes; this one continues behind them. */
  enter(length: number): FileCursor {
    const start = this.#position;
    this.skip(length);
    return new FileCursor(this.#file, start, start + length, this);
  }

  skip(length: number): void {
    if (this.#position + length > this.end) throw formatError("a field is longer than what contains it");
    this.#position += length;
  }

  async tag(): Promise<{ field: number; type: number }> {
    const value = await this.varint();
    return { field: Math.floor(value / 8), type: value % 8 };
  }

  /** A varint as a number; negative int64 and values above 2^53 are nowhere legal here except as -1 dims, which become large. */
  async varint(): Promise<number> {
    let value = 0;
    for (let shift = 1; shift < 2 ** 63; shift *= 128) {
      if (this.#position >= this.end) break;
      const byte = await this.#byte();
      value += (byte & 0x7f) * shift;
      if (byte < 0x80) return value;
    }
    throw formatError("a number runs over its field");
  }

  async bytes(length: number): Promise<Uint8Array> {
    if (length > MAX_MESSAGE_BYTES)
      throw formatError(`a message of ${length} bytes is larger than any valid graph has`);
    const start = this.#position;
    this.skip(length);
    const inBuffer = start - this.#bufferStart;
    if (inBuffer >= 0 && inBuffer + length <= this.#buffer.length)
      return this.#buffer.slice(inBuffer, inBuffer + length);
    return readAt(this.#file, start, length);
  }

  async #byte(): Promise<number> {
    let index = this.#position - this.#bufferStart;
    if (index < 0 || index >= this.#buffer.length) {
      const buffer = new Uint8Array(Math.min(64 * 1024, (this.#parent ?? this).end - this.#position));
      const { bytesRead } = await this.#file.read(buffer, 0, buffer.length, this.#position);
      if (bytesRead === 0) throw formatError("it ends in the middle of a field");
      this.#buffer = buffer.subarray(0, bytesRead);
      this.#bufferStart = this.#position;
      index = 0;
    }
    this.#position += 1;
    return this.#buffer[index] ?? 0;
  }
}
