import {
  DataType,
  elementCount,
  floatTensor,
  intAttribute,
  intsAttribute,
  makeNode,
  readFloats,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../onnx/graph.ts";
import { formatError, outputNames } from "../onnx/read.ts";

/** How the weights of matrix products are stored: `signed` suits processors with 8-bit dot products, `unsigned` leaves them as they are. */
export type WeightSign = "signed" | "unsigned";

/** What a rewrite changed. */
export interface FasterSummary {
  /** Products whose weights became signed. */
  readonly signedProducts: number;
  /** Pointwise integer convolutions that became matrix products. */
  readonly pointwise: number;
  /** Other integer convolutions that became float convolutions with the same weights. */
  readonly floatConvolutions: number;
}

/**
 * Rewrites an int8 graph as `quantize_dynamic` writes it (unsigned weights, `ConvInteger`) into the form that ONNX Runtime computes fast:
 * pointwise convolutions become `MatMulInteger` on the same codes, and unsigned weights become signed ones with the zero point moved by
 * as much, so that every 32-bit sum stays what it was. Strided and depthwise convolutions become float ones with the dequantized weights:
 * their input is no longer rounded to 8 bits, which brings the result nearer to the fp32 model's.
 *
 * @throws GigasttError `GST_MODEL_FORMAT` when the graph has sub-graphs, or weights whose size contradicts their shape
 */
export function fasterInt8(
  source: OnnxModel,
  sign: WeightSign,
): { readonly model: OnnxModel; readonly summary: FasterSummary } {
  const branching = source.nodes.find(({ opType }) => SUB_GRAPHS.has(opType));
  if (branching) throw formatError(`its graph has a ${branching.opType} node, which cannot be rewritten`);
  const tensors = new Map(source.tensors);
  const add = (tensor: OnnxTensor): string => {
    tensors.set(tensor.name, tensor);
    return tensor.name;
  };
  const convolutions = findConvolutions(source);
  const superseded = new Set([...convolutions.values()].flatMap(({ replaces }) => replaces));
  const nodes: OnnxNode[] = [];
  let pointwise = 0;
  for (const node of source.nodes) {
    const found = convolutions.get(node);
    if (found) {
      if (isPointwise(found)) pointwise += 1;
      nodes.push(...(isPointwise(found) ? asProduct(found, add) : asFloatConvolution(found, add)));
    } else if (!superseded.has(node)) nodes.push(node);
  }
  const signed = sign === "signed" ? signedProducts(nodes, tensors, add) : { nodes, count: 0 };
  return {
    model: prune({ ...source, nodes: signed.nodes, tensors }),
    summary: { signedProducts: signed.count, pointwise, floatConvolutions: convolutions.size - pointwise },
  };
}

// ---

const SUB_GRAPHS = new Set(["If", "Loop", "Scan", "SequenceMap"]);

/** A quantized convolution with the nodes that turn its sums into floats: `ConvInteger → Cast → Mul [→ Add]`. */
interface Convolution {
  readonly node: OnnxNode;
  /** The float value that was quantized for it. */
  readonly input: string;
  readonly codes: OnnxTensor;
  readonly zero: OnnxTensor | undefined;
  readonly scale: OnnxTensor;
  readonly bias: OnnxTensor | undefined;
  readonly output: string;
  readonly replaces: readonly OnnxNode[];
}

/** Returns the convolutions that can be rewritten, by the last node of each: there all inputs of what takes its place are known. */
function findConvolutions({ nodes, tensors, graphRest }: OnnxModel): ReadonlyMap<OnnxNode, Convolution> {
  const consumers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const input of node.inputs) consumers.set(input, [...(consumers.get(input) ?? []), node]);
  }
  const producers = new Map(nodes.flatMap((node) => node.outputs.map((output) => [output, node] as const)));
  const results = outputNames(graphRest);
  const onlyUser = (name: string, opType: string): OnnxNode | undefined => {
    const users = consumers.get(name) ?? [];
    return users.length === 1 && users[0]?.opType === opType && !results.has(name) ? users[0] : undefined;
  };
  /** A constant, also through a Reshape: so the bias of a quantized convolution is stored. */
  const constant = (name: string): OnnxTensor | undefined => {
    const producer = producers.get(name);
    return tensors.get(producer?.opType === "Reshape" ? (producer.inputs[0] ?? "") : name);
  };
  const found = new Map<OnnxNode, Convolution>();
  for (const node of nodes) {
    if (node.opType !== "ConvInteger") continue;
    const quantizer = producers.get(node.inputs[0] ?? "");
    const codes = tensors.get(node.inputs[1] ?? "");
    const zero = tensors.get(node.inputs[3] ?? "");
    const cast = onlyUser(node.outputs[0] ?? "", "Cast");
    const scaled = cast && onlyUser(cast.outputs[0] ?? "", "Mul");
    if (!codes || !cast || !scaled || quantizer?.opType !== "DynamicQuantizeLinear") continue;
    if (codes.dims.length !== 3 || !isCodes(codes) || (zero && zero.dataType !== codes.dataType)) continue;
    if ((node.inputs[3] ?? "") !== "" && (!zero || elementCount(zero.dims) !== 1)) continue;
    if (node.inputs[2] !== quantizer.outputs[2] || intAttribute(cast, "to", 0) !== DataType.float32) continue;
    const scales = producers.get(scaled.inputs.find((name) => name !== cast.outputs[0]) ?? "");
    const scale = tensors.get(scales?.inputs.find((name) => name !== quantizer.outputs[1]) ?? "");
    if (scales?.opType !== "Mul" || !scales.inputs.includes(quantizer.outputs[1] ?? "")) continue;
    if (!scale || scale.dataType !== DataType.float32 || elementCount(scale.dims) !== 1) continue;
    const added = onlyUser(scaled.outputs[0] ?? "", "Add");
    const bias = added && constant(added.inputs.find((name) => name !== scaled.outputs[0]) ?? "");
    const hasBias = bias?.dataType === DataType.float32 && elementCount(bias.dims) === codes.dims[0];
    const last = added && hasBias ? added : scaled;
    found.set(last, {
      node,
      input: quantizer.inputs[0] ?? "",
      codes,
      zero,
      scale,
      bias: hasBias ? bias : undefined,
      output: last.outputs[0] ?? "",
      replaces: [node, cast, scaled, last],
    });
  }
  return found;
}

function isPointwise({ node, codes }: Convolution): boolean {
  return (
    codes.dims[2] === 1 &&
    intAttribute(node, "group", 1) === 1 &&
    intsAttribute(node, "strides", [1]).every((stride) => stride === 1) &&
    intsAttribute(node, "pads", [0, 0]).every((pad) => pad === 0)
  );
}

/** Transposes outside, so that quantizing, product, scale and bias stand side by side: ONNX Runtime fuses them into one kernel. */
function asProduct(convolution: Convolution, add: (tensor: OnnxTensor) => string): OnnxNode[] {
  const { node, input, codes, zero, scale, bias, output } = convolution;
  const rows = `${output}_rows`;
  const [quantized, inputScale, inputZero] = [`${rows}_quantized`, `${rows}_scale`, `${rows}_zero`];
  const matrix = add(transposed(codes));
  const product = bias ? `${rows}_product` : `${rows}_out`;
  return [
    makeNode("Transpose", [input], rows, { perm: [0, 2, 1] }),
    makeNode("DynamicQuantizeLinear", [rows], [quantized, inputScale, inputZero]),
    makeNode("MatMulInteger", [quantized, matrix, inputZero, ...(zero ? [zero.name] : [])], node.outputs[0] ?? ""),
    makeNode("Cast", [node.outputs[0] ?? ""], `${rows}_cast`, { to: DataType.float32 }),
    makeNode("Mul", [inputScale, scale.name], `${rows}_scales`),
    makeNode("Mul", [`${rows}_cast`, `${rows}_scales`], product),
    ...(bias ? [makeNode("Add", [product, add(flat(bias))], `${rows}_out`)] : []),
    makeNode("Transpose", [`${rows}_out`], output, { perm: [0, 2, 1] }),
  ];
}

function asFloatConvolution(convolution: Convolution, add: (tensor: OnnxTensor) => string): OnnxNode[] {
  const { node, input, codes, zero, scale, bias, output } = convolution;
  const weight = add(
    floatTensor(`${codes.name}_float`, codes.dims, async () => {
      const [values, [factor = 0], offset] = [await codes.read(), await readFloats(scale), await zero?.read()];
      const isSigned = codes.dataType === DataType.int8;
      const value = (code: number): number => (isSigned ? (code << 24) >> 24 : code);
      const shift = value(offset?.[0] ?? 0);
      return Float32Array.from(values, (code) => (value(code) - shift) * factor);
    }),
  );
  const inputs = [input, weight, ...(bias ? [add(flat(bias))] : [])];
  return [{ ...node, opType: "Conv", inputs, outputs: [output] }];
}

/** Moves unsigned weights and their zero points by 128: the difference of the two, which is what counts, stays. */
function signedProducts(
  nodes: readonly OnnxNode[],
  tensors: ReadonlyMap<string, OnnxTensor>,
  add: (tensor: OnnxTensor) => string,
): { readonly nodes: readonly OnnxNode[]; readonly count: number } {
  let count = 0;
  const rewritten = nodes.map((node) => {
    const [left = "", right = "", leftZero = "", rightZero = ""] = node.inputs;
    const codes = tensors.get(right);
    const zero = tensors.get(rightZero);
    if (node.opType !== "MatMulInteger" || codes?.dataType !== DataType.uint8 || !isCodes(codes)) return node;
    if (rightZero !== "" && !(zero?.dataType === DataType.uint8 && isCodes(zero))) return node;
    count += 1;
    const noZero = { name: `${right}_zero`, dims: [], byteLength: 1, read: async () => Uint8Array.of(0) };
    return { ...node, inputs: [left, add(moved(codes)), leftZero, add(moved(zero ?? noZero))] };
  });
  return { nodes: rewritten, count };
}

function moved(tensor: Omit<OnnxTensor, "dataType">): OnnxTensor {
  return {
    ...tensor,
    name: `${tensor.name}_signed`,
    dataType: DataType.int8,
    // 128 more or less, modulo 256, is the highest bit the other way round.
    read: async () => (await tensor.read()).map((code) => code ^ 0x80),
  };
}

/** `[out, in, 1]` as the `[in, out]` matrix of a product. */
function transposed(codes: OnnxTensor): OnnxTensor {
  const [outputs = 0, inputs = 0] = codes.dims;
  return {
    ...codes,
    name: `${codes.name}_matrix`,
    dims: [inputs, outputs],
    read: async () => {
      const source = await codes.read();
      const matrix = new Uint8Array(source.length);
      for (let o = 0; o < outputs; o += 1) {
        for (let i = 0; i < inputs; i += 1) matrix[i * outputs + o] = source[o * inputs + i] as number; // in range by the loops
      }
      return matrix;
    },
  };
}

function flat(bias: OnnxTensor): OnnxTensor {
  return bias.dims.length === 1 ? bias : { ...bias, name: `${bias.name}_flat`, dims: [elementCount(bias.dims)] };
}

/** One byte for each element. */
function isCodes({ name, dims, dataType, byteLength }: OnnxTensor): boolean {
  if (dataType !== DataType.uint8 && dataType !== DataType.int8) return false;
  if (byteLength === elementCount(dims)) return true;
  throw formatError(`${name} holds ${byteLength} bytes where its shape needs ${elementCount(dims)}`);
}

/** Removes what no output depends on: quantizers, scales and reshapes of what was replaced. */
function prune(model: OnnxModel): OnnxModel {
  const needed = new Set(outputNames(model.graphRest));
  const nodes: OnnxNode[] = [];
  for (const node of model.nodes.toReversed()) {
    if (!node.outputs.some((output) => needed.has(output))) continue;
    nodes.push(node);
    for (const input of node.inputs) needed.add(input);
  }
  const tensors = new Map([...model.tensors].filter(([name]) => needed.has(name)));
  return { ...model, nodes: nodes.toReversed(), tensors };
}
