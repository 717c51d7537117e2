// The synthetic model with the tensor names, types and metadata that sherpa-onnx expects of a GigaAM export (model contract:
// decoder takes int32 and a length it does not use, and answers [B, P, 1]). Same weights as ours, byte for byte.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { makeNode } from "../../dist/models/onnx/graph.js";
import { openOnnx } from "../../dist/models/onnx/read.js";
import { writeOnnx } from "../../dist/models/onnx/write.js";
import { encodeValueInfo } from "../../dist/models/synthetic/graph-builder.js";

const METADATA = {
  vocab_size: "1024",
  pred_rnn_layers: "1",
  pred_hidden: "320",
  normalize_type: "",
  subsampling_factor: "4",
  model_type: "EncDecRNNTBPEModel",
  version: "3",
  is_giga_am: "1",
};

/** Writes encoder, decoder, joiner and tokens for sherpa-onnx into `out`, from one of our model folders. */
export async function makeSherpaModel(model, out) {
  mkdirSync(out, { recursive: true });
  const encoder = await openOnnx(join(model, "encoder.int8.onnx"));
  const metadata = Object.entries(METADATA).map(([key, value]) => ({
    field: 14,
    bytes: new BinaryWriter()
      .tag(1, WireType.LengthDelimited)
      .string(key)
      .tag(2, WireType.LengthDelimited)
      .string(value)
      .finish(),
  }));
  await writeOnnx(join(out, "encoder.onnx"), { ...encoder, modelRest: [...encoder.modelRest, ...metadata] });
  await encoder.close();
  await writeDecoder(join(model, "decoder.onnx"), join(out, "decoder.onnx"));
  copyFileSync(join(model, "joint.onnx"), join(out, "joiner.onnx"));
  writeFileSync(join(out, "tokens.txt"), readFileSync(join(model, "vocab.txt")));
}

async function writeDecoder(from, to) {
  const decoder = await openOnnx(from);
  const rename = (name) => (name === "x" ? "x_int64" : name === "dec" ? "dec_row" : name);
  const float = 1;
  const int32 = 6;
  const state = [1, "B", 320];
  const value = (name, dataType, dims, field) => ({ field, bytes: encodeValueInfo({ name, dataType, dims }) });
  await writeOnnx(to, {
    ...decoder,
    nodes: [
      makeNode("Cast", ["x"], "x_int64", { to: 7 }),
      ...decoder.nodes.map((node) => ({ ...node, inputs: node.inputs.map(rename), outputs: node.outputs.map(rename) })),
      { ...makeNode("Transpose", ["dec_row"], "dec", { perm: [0, 2, 1] }), name: "to_columns" },
      makeNode("Identity", ["unused_x_len.1"], "unused_x_len"),
    ],
    graphRest: [
      { field: 2, bytes: new TextEncoder().encode("decoder") },
      value("x", int32, ["B", 1], 11),
      value("unused_x_len.1", int32, ["B"], 11),
      value("h.1", float, state, 11),
      value("c.1", float, state, 11),
      value("dec", float, ["B", 320, 1], 12),
      value("unused_x_len", int32, ["B"], 12),
      value("h", float, state, 12),
      value("c", float, state, 12),
    ],
  });
  await decoder.close();
}
