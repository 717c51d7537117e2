import {
  DataType,
  floatTensor,
  intAttribute,
  intsAttribute,
  makeNode,
  readFloats,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
} from "../onnx/graph.ts";

/**
 * Rewrites every pointwise 1-D convolution (`kernel 1, stride 1, one group`) as `Transpose → MatMul → Add → Transpose`, so that the
 * quantizer can make it int8: a fifth of a conformer's time is spent in them when they stay float convolutions. Transposes that
 * meet another one cancel when the model is loaded.
 */
export function pointwiseToMatMul(model: OnnxModel): { readonly model: OnnxModel; readonly rewritten: number } {
  const tensors = new Map(model.tensors);
  const nodes: OnnxNode[] = [];
  let rewritten = 0;
  for (const node of model.nodes) {
    const weight = tensors.get(node.inputs[1] ?? "");
    if (node.opType !== "Conv" || !weight || !isPointwise(node, weight)) {
      nodes.push(node);
      continue;
    }
    const [input = "", , bias = ""] = node.inputs;
    const [output = ""] = node.outputs;
    const matrix = transposedWeight(weight);
    tensors.set(matrix.name, matrix);
    const product = bias ? `${output}_product` : `${output}_rows`;
    nodes.push(makeNode("Transpose", [input], `${output}_in`, { perm: [0, 2, 1] }));
    nodes.push(makeNode("MatMul", [`${output}_in`, matrix.name], product));
    if (bias) nodes.push(makeNode("Add", [product, bias], `${output}_rows`));
    nodes.push(makeNode("Transpose", [`${output}_rows`], output, { perm: [0, 2, 1] }));
    rewritten += 1;
  }
  const used = new Set(nodes.flatMap((node) => node.inputs));
  for (const name of tensors.keys()) if (!used.has(name)) tensors.delete(name);
  return { model: { ...model, nodes, tensors }, rewritten };
}

function isPointwise(node: OnnxNode, weight: OnnxTensor): boolean {
  return (
    weight.dataType === DataType.float32 &&
    weight.dims.length === 3 &&
    weight.dims[2] === 1 &&
    intAttribute(node, "group", 1) === 1 &&
    intsAttribute(node, "strides", [1]).every((stride) => stride === 1) &&
    intsAttribute(node, "pads", [0, 0]).every((pad) => pad === 0)
  );
}

/** `[out, in, 1]` as the `[in, out]` matrix of a product. */
function transposedWeight(weight: OnnxTensor): OnnxTensor {
  const [outputs = 0, inputs = 0] = weight.dims;
  return floatTensor(`${weight.name}_matrix`, [inputs, outputs], async () => {
    const source = await readFloats(weight);
    const matrix = new Float32Array(source.length);
    for (let o = 0; o < outputs; o += 1) {
      for (let i = 0; i < inputs; i += 1) matrix[i * outputs + o] = source[o * inputs + i] as number; // in range by the loops
    }
    return matrix;
  });
}
