import type { OnnxModel, OnnxNode, OnnxTensor } from "../../src/models/onnx/graph.ts";
import type { ConformerSize } from "../../src/models/synthetic/conformer.ts";

export function publishedForm(model: OnnxModel, wanted?: (node: OnnxNode, weight: OnnxTensor) => boolean): OnnxModel;
export function makePublishedModel(options: {
  readonly baseDir: string;
  readonly size: ConformerSize;
}): Promise<string>;
