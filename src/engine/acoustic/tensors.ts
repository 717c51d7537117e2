import { Tensor } from "onnxruntime-node";
import type { TensorInfo } from "./binding.ts";

/** A tensor of one whole number, of the type that the graph asks for. */
export function integerTensor(info: TensorInfo, value: number, dims: readonly number[]): Tensor {
  return info.type === "int64"
    ? new Tensor("int64", BigInt64Array.of(BigInt(value)), dims)
    : new Tensor("int32", Int32Array.of(value), dims);
}

/** [rows, columns] → [columns, rows]. */
export function transpose(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column]!;
  }
  return out;
}
