// Quantizes as `onnxruntime.quantization.quantize_dynamic(weight_type=QUInt8)` does, with its node names: every constant matrix product and
// every convolution, one scale and one zero point per tensor. So the published int8 file is made.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeFile, writeLocalManifest } from "../../dist/models/local.js";
import { writeOnnx } from "../../dist/models/onnx/write.js";
import { conformerEncoder } from "../../dist/models/synthetic/conformer.js";
import { makeSyntheticModel } from "../../dist/models/synthetic/synthetic-model.js";
import {
  DataType,
  elementCount,
  floatTensor,
  intAttribute,
  makeNode,
  readFloats,
} from "../../dist/models/onnx/graph.js";

/**
 * @param {import("../../src/models/onnx/graph.ts").OnnxModel} model in fp32
 * @param {(node: import("../../src/models/onnx/graph.ts").OnnxNode, weight: import("../../src/models/onnx/graph.ts").OnnxTensor) => boolean} [wanted] which nodes; default: all
 * @returns {import("../../src/models/onnx/graph.ts").OnnxModel}
 */
export function publishedForm(model, wanted = () => true) {
  const tensors = new Map(model.tensors);
  const nodes = [];
  const quantized = new Set();
  const add = (tensor) => (tensors.set(tensor.name, tensor), tensor.name);
  const weightOf = (tensor) => {
    const stem = tensor.name;
    const coded = encode(tensor);
    return {
      codes: add({
        name: `${stem}_quantized`,
        dims: tensor.dims,
        dataType: DataType.uint8,
        byteLength: elementCount(tensor.dims),
        read: async () => (await coded()).codes,
      }),
      scale: add(floatTensor(`${stem}_scale`, [], async () => Float32Array.of((await coded()).scale))),
      zero: add({
        name: `${stem}_zero_point`,
        dims: [],
        dataType: DataType.uint8,
        byteLength: 1,
        read: async () => Uint8Array.of((await coded()).zero),
      }),
    };
  };
  for (const node of model.nodes) {
    const [input, weightName, biasName] = node.inputs;
    const weight = tensors.get(weightName);
    const isConvolution = node.opType === "Conv";
    const isProduct = node.opType === "MatMul" || (node.opType === "Gemm" && intAttribute(node, "transB", 0) === 0);
    const constant = weight?.dataType === DataType.float32 && weight.dims.length === (isConvolution ? 3 : 2);
    if (!constant || !(isConvolution || isProduct) || !wanted(node, weight)) {
      nodes.push(node);
      continue;
    }
    const [output] = node.outputs;
    if (!quantized.has(input)) {
      quantized.add(input);
      const parts = ["quantized", "scale", "zero_point"].map((part) => `${input}_${part}`);
      nodes.push(makeNode("DynamicQuantizeLinear", [input], parts));
    }
    const { codes, scale, zero } = weightOf(weight);
    const sums = `${output}_output_quantized`;
    const inputs = [`${input}_quantized`, codes, `${input}_zero_point`, zero];
    nodes.push(
      isConvolution
        ? { ...node, opType: "ConvInteger", inputs, outputs: [sums] }
        : makeNode("MatMulInteger", inputs, sums),
      makeNode("Cast", [sums], `${sums}_cast_output`, { to: DataType.float32 }),
      makeNode("Mul", [`${input}_scale`, scale], `${output}_quant_scales_mul:0`),
    );
    const scaled = biasName ? `${output}quant_scaled_output` : output;
    nodes.push(makeNode("Mul", [`${sums}_cast_output`, `${output}_quant_scales_mul:0`], scaled));
    if (!biasName) continue;
    let bias = biasName;
    if (isConvolution) {
      const shape = Buffer.from(BigInt64Array.of(1n, -1n, 1n).buffer);
      add({
        name: `${output}_bias_reshape_shape`,
        dims: [3],
        dataType: DataType.int64,
        byteLength: 24,
        read: async () => shape,
      });
      bias = `${output}_bias_reshape_output`;
      nodes.push(makeNode("Reshape", [biasName, `${output}_bias_reshape_shape`], bias));
    }
    nodes.push(makeNode("Add", [scaled, bias], output));
  }
  const used = new Set(nodes.flatMap((node) => node.inputs));
  for (const name of tensors.keys()) if (!used.has(name)) tensors.delete(name);
  return { ...model, nodes, tensors };
}

/** Asymmetric codes 0 to 255 over the range of the values and 0. Made once: a weight is asked for its codes, its scale and its zero point. */
function encode(tensor) {
  let made;
  return () => (made ??= codesOf(tensor));
}

async function codesOf(tensor) {
  const values = await readFloats(tensor);
  let [low, high] = [0, 0];
  for (let n = 0; n < values.length; n++) {
    if (values[n] < low) low = values[n];
    if (values[n] > high) high = values[n];
  }
  const scale = (high - low) / 255 || 1;
  const zero = Math.round(-low / scale);
  const codes = new Uint8Array(values.length);
  for (let n = 0; n < values.length; n++) codes[n] = Math.max(0, Math.min(255, Math.round(values[n] / scale) + zero));
  return { codes, scale: Math.fround(scale), zero };
}

/** Writes a model of random weights with its encoder in the published form, as a local model of the id `synthetic-gigaam`. */
export async function makePublishedModel({ baseDir, size }) {
  const dir = await makeSyntheticModel({ baseDir, pointwise: false, size });
  const [entry] = JSON.parse(await readFile(join(dir, "model.json"), "utf8")).models;
  const { encoder } = entry.precisions.int8;
  await writeOnnx(join(dir, encoder), publishedForm(conformerEncoder(size)));
  const described = await describeFile(dir, encoder);
  await writeLocalManifest(dir, {
    ...entry,
    files: entry.files.map((file) => (file.name === encoder ? described : file)),
  });
  return dir;
}
