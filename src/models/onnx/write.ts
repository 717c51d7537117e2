import { open, rm } from "node:fs/promises";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { OnnxModel, OnnxNode, OnnxTensor } from "./graph.ts";
import { renameDurably } from "../../shared/files.ts";

/**
 * Writes a model, one tensor in memory at a time, under a temporary name that is renamed at the end.
 *
 * @param onTensor called after each tensor with the bytes written so far and in all
 */
export async function writeOnnx(
  path: string,
  model: OnnxModel,
  onTensor?: (writtenBytes: number, totalBytes: number) => void,
): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  const file = await open(temporary, "wx", 0o644);
  try {
    const nodes = model.nodes.map(encodeNode);
    const tensors = [...model.tensors.values()].map((tensor) => ({ tensor, head: encodeTensorHead(tensor) }));
    const graphHead = new BinaryWriter();
    for (const node of nodes) graphHead.tag(1, WireType.LengthDelimited).bytes(node);
    for (const { field, bytes } of model.graphRest) graphHead.tag(field, WireType.LengthDelimited).bytes(bytes);
    const graphHeadBytes = graphHead.finish();
    const tensorTags = tensors.map(({ tensor, head }) =>
      new BinaryWriter()
        .tag(5, WireType.LengthDelimited)
        .uint32(head.length + tensor.byteLength)
        .finish(),
    );
    const totalBytes = tensors.reduce(
      (sum, { tensor, head }, index) => sum + (tensorTags[index]?.length ?? 0) + head.length + tensor.byteLength,
      graphHeadBytes.length,
    );
    await file.write(encodeModelHead(model, totalBytes));
    await file.write(graphHeadBytes);
    let writtenBytes = graphHeadBytes.length;
    for (const [index, { tensor, head }] of tensors.entries()) {
      const values = await tensor.read();
      if (values.byteLength !== tensor.byteLength) {
        throw new RangeError(`tensor ${tensor.name} gave ${values.byteLength} bytes instead of ${tensor.byteLength}`);
      }
      for (const part of [tensorTags[index] ?? new Uint8Array(0), head, values]) {
        await file.write(part);
        writtenBytes += part.length;
      }
      onTensor?.(writtenBytes, totalBytes);
    }
    await file.sync();
    await file.close();
    await renameDurably(temporary, path);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Everything before the graph's content, up to and including the graph's length. */
function encodeModelHead(model: OnnxModel, graphBytes: number): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.Varint).int64(model.irVersion);
  for (const [domain, version] of model.opsets) {
    writer.tag(8, WireType.LengthDelimited).fork().tag(1, WireType.LengthDelimited).string(domain);
    writer.tag(2, WireType.Varint).int64(version).join();
  }
  for (const { field, bytes } of model.modelRest) writer.tag(field, WireType.LengthDelimited).bytes(bytes);
  return writer.tag(7, WireType.LengthDelimited).uint32(graphBytes).finish();
}

function encodeNode(node: OnnxNode): Uint8Array {
  const writer = new BinaryWriter();
  for (const input of node.inputs) writer.tag(1, WireType.LengthDelimited).string(input);
  for (const output of node.outputs) writer.tag(2, WireType.LengthDelimited).string(output);
  writer.tag(3, WireType.LengthDelimited).string(node.name).tag(4, WireType.LengthDelimited).string(node.opType);
  for (const { name, value } of node.attributes) {
    writer.tag(5, WireType.LengthDelimited);
    if (value.kind === "raw") {
      writer.bytes(value.bytes);
      continue;
    }
    writer.fork().tag(1, WireType.LengthDelimited).string(name);
    if (value.kind === "int") writer.tag(3, WireType.Varint).int64(value.int).tag(20, WireType.Varint).int32(2);
    else if (value.kind === "float") writer.tag(2, WireType.Bit32).float(value.float).tag(20, WireType.Varint).int32(1);
    else {
      for (const int of value.ints) writer.tag(8, WireType.Varint).int64(int);
      writer.tag(20, WireType.Varint).int32(7);
    }
    writer.join();
  }
  if (node.domain) writer.tag(7, WireType.LengthDelimited).string(node.domain);
  return writer.finish();
}

/** A TensorProto up to and including the length of its raw data. */
function encodeTensorHead(tensor: OnnxTensor): Uint8Array {
  const writer = new BinaryWriter();
  if (tensor.dims.length > 0) {
    writer.tag(1, WireType.LengthDelimited).fork();
    for (const dim of tensor.dims) writer.int64(dim);
    writer.join();
  }
  return writer
    .tag(2, WireType.Varint)
    .int32(tensor.dataType)
    .tag(8, WireType.LengthDelimited)
    .string(tensor.name)
    .tag(9, WireType.LengthDelimited)
    .uint32(tensor.byteLength)
    .finish();
}
