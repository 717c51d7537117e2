import {
  bytesOf,
  DataType,
  elementCount,
  floatTensor,
  intAttribute,
  makeNode,
  readFloats,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../onnx/graph.ts";

export interface QuantizeOptions {
  /**
   * Use 7 of the 8 bits. On x86 without VNNI the int8 kernels add pairs of products in 16 bits and saturate; with 7-bit weights
   * they cannot. Costs a little accuracy everywhere else.
   */
  readonly reduceRange: boolean;
  /** Smaller weights stay float: quantizing them saves nothing. */
  readonly minElements?: number;
}

/** What was quantized and how many bytes of weights that saved. */
export interface QuantizeSummary {
  readonly quantizedNodes: number;
  readonly keptMatMuls: number;
  readonly floatBytes: number;
  readonly int8Bytes: number;
}

/**
 * Quantizes to dynamic int8 every matrix product with a constant right side: weights become symmetric signed int8 with one
 * scale per output channel, activations are quantized per tensor when the model runs.
 *
 * `y = A·W + …` becomes `DynamicQuantizeLinear(A) → MatMulInteger → Cast → × (scaleA · scaleW[n])`, the shape that ONNX
 * Runtime fuses into one kernel.
 */
export function quantizeModel(
  model: OnnxModel,
  options: QuantizeOptions,
): { readonly model: OnnxModel; readonly summary: QuantizeSummary } {
  const minElements = options.minElements ?? 4096;
  const nodes: OnnxNode[] = [];
  const tensors = new Map(model.tensors);
  const quantizedInputs = new Set<string>();
  const weights = new Map<string, QuantizedWeight>();
  let quantizedNodes = 0;
  let keptMatMuls = 0;
  for (const node of model.nodes) {
    const weight = constantMatrix(node, model.tensors);
    if (!weight || elementCount(weight.tensor.dims) < minElements) {
      if (node.opType === "MatMul" || node.opType === "Gemm") keptMatMuls += 1;
      nodes.push(node);
      continue;
    }
    const [activation = "", , bias = ""] = node.inputs;
    const [output = ""] = node.outputs;
    let quantized = weights.get(weight.key);
    if (!quantized) {
      quantized = quantizeWeight(weight, options.reduceRange);
      weights.set(weight.key, quantized);
      for (const tensor of [quantized.values, quantized.scales, quantized.zeros]) tensors.set(tensor.name, tensor);
    }
    const q = `${activation}_quantized`;
    if (!quantizedInputs.has(activation)) {
      quantizedInputs.add(activation);
      nodes.push(makeNode("DynamicQuantizeLinear", [activation], [q, `${activation}_scale`, `${activation}_zero`]));
    }
    const product = bias ? `${output}_product` : output;
    nodes.push(
      makeNode(
        "MatMulInteger",
        [q, quantized.values.name, `${activation}_zero`, quantized.zeros.name],
        `${output}_int32`,
      ),
      makeNode("Cast", [`${output}_int32`], `${output}_cast`, { to: DataType.float32 }),
      makeNode("Mul", [`${activation}_scale`, quantized.scales.name], `${output}_scales`),
      makeNode("Mul", [`${output}_cast`, `${output}_scales`], product),
    );
    if (bias) nodes.push(makeNode("Add", [product, bias], output));
    quantizedNodes += 1;
  }
  const floatBytes = dropUnused(tensors, nodes);
  const int8Bytes = [...weights.values()].reduce((sum, { values }) => sum + values.byteLength, 0);
  return {
    model: { ...model, nodes, tensors },
    summary: { quantizedNodes, keptMatMuls, floatBytes, int8Bytes },
  };
}

interface ConstantMatrix {
  readonly key: string;
  readonly tensor: OnnxTensor;
  /** Stored `[N, K]` (Gemm's transB) instead of `[K, N]`. */
  readonly transposed: boolean;
}

interface QuantizedWeight {
  readonly values: OnnxTensor;
  readonly scales: OnnxTensor;
  readonly zeros: OnnxTensor;
}

/** The constant right side of a matrix product that can be quantized, or undefined. */
function constantMatrix(node: OnnxNode, tensors: ReadonlyMap<string, OnnxTensor>): ConstantMatrix | undefined {
  if (node.opType !== "MatMul" && node.opType !== "Gemm") return undefined;
  const tensor = tensors.get(node.inputs[1] ?? "");
  if (!tensor || tensor.dataType !== DataType.float32 || tensor.dims.length !== 2) return undefined;
  if (node.opType === "MatMul") return { key: `${tensor.name}|n`, tensor, transposed: false };
  const scaled = node.attributes.some(
    ({ name, value }) => (name === "alpha" || name === "beta") && value.kind === "float" && value.float !== 1,
  );
  if (scaled || intAttribute(node, "transA", 0) !== 0) return undefined;
  const transposed = intAttribute(node, "transB", 0) === 1;
  return { key: `${tensor.name}|${transposed ? "t" : "n"}`, tensor, transposed };
}

function quantizeWeight({ tensor, transposed }: ConstantMatrix, reduceRange: boolean): QuantizedWeight {
  const [first = 0, second = 0] = tensor.dims;
  const [rows, columns] = transposed ? [second, first] : [first, second];
  const stem = transposed ? `${tensor.name}_t` : tensor.name;
  const largest = reduceRange ? 63 : 127;
  const scalesOf = (values: Float32Array): Float32Array => columnScales(values, columns, transposed, largest);
  return {
    values: {
      name: `${stem}_int8`,
      dims: [rows, columns],
      dataType: DataType.int8,
      byteLength: rows * columns,
      read: async () => {
        const values = await readFloats(tensor);
        return bytesOf(quantizeColumns(values, rows, columns, transposed, scalesOf(values), largest));
      },
    },
    scales: floatTensor(`${stem}_scale`, [columns], async () => scalesOf(await readFloats(tensor))),
    zeros: {
      name: `${stem}_zero`,
      dims: [columns],
      dataType: DataType.int8,
      byteLength: columns,
      read: async () => new Uint8Array(columns),
    },
  };
}

/** One scale per output channel: the largest magnitude of the column over the largest code; 1 for an all-zero column. */
function columnScales(values: Float32Array, columns: number, transposed: boolean, largest: number): Float32Array {
  const scales = new Float32Array(columns);
  const rows = values.length / columns;
  for (let i = 0; i < values.length; i += 1) {
    const column = transposed ? Math.floor(i / rows) : i % columns;
    const magnitude = Math.abs(values[i] as number); // in range by the loop
    if (magnitude > (scales[column] as number)) scales[column] = magnitude;
  }
  for (let column = 0; column < columns; column += 1) scales[column] = (scales[column] as number) / largest || 1;
  return scales;
}

function quantizeColumns(
  values: Float32Array,
  rows: number,
  columns: number,
  transposed: boolean,
  scales: Float32Array,
  largest: number,
): Int8Array {
  const codes = new Int8Array(rows * columns);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const value = values[transposed ? column * rows + row : row * columns + column] as number; // in range by the loops
      const code = Math.round(value / (scales[column] as number));
      codes[row * columns + column] = Math.max(-largest, Math.min(largest, code));
    }
  }
  return codes;
}

/** Removes constants no node refers to any more; returns the bytes of float weights removed. */
function dropUnused(tensors: Map<string, OnnxTensor>, nodes: readonly OnnxNode[]): number {
  const used = new Set(nodes.flatMap((node) => node.inputs));
  let bytes = 0;
  for (const [name, tensor] of tensors) {
    if (used.has(name)) continue;
    bytes += tensor.byteLength;
    tensors.delete(name);
  }
  return bytes;
}
