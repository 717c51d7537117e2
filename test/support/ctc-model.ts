import { copyFile, mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describeFile, writeLocalManifest } from "../../src/models/local.ts";
import { locateModel } from "../../src/models/locate.ts";
import type { ModelBundle } from "../../src/models/manifest.ts";
import { DataType, floatTensor, makeNode } from "../../src/models/onnx/graph.ts";
import type { OnnxModel } from "../../src/models/onnx/graph.ts";
import { openOnnx } from "../../src/models/onnx/read.ts";
import { writeOnnx } from "../../src/models/onnx/write.ts";
import { encodeValueInfo } from "../../src/models/synthetic/graph-builder.ts";

/** Id of the demo model with a CTC head, as it is put into a folder of models. */
export const CTC_ID = "demo-ru-ctc";

/** What the head reads in the evaluation clips, decoded by NumPy (models/recipe/ctc.py). */
export interface CtcClip {
  readonly file: string;
  readonly decode: Readonly<
    Record<
      "fp32" | "int8",
      { readonly text: string; readonly ids: readonly number[]; readonly frames: readonly number[] }
    >
  >;
}

const FIXTURE = new URL("../fixtures/ctc/", import.meta.url);
export const ctcClips = async (): Promise<readonly CtcClip[]> =>
  JSON.parse(await readFile(new URL("reference.json", FIXTURE), "utf8")) as readonly CtcClip[];

/** Puts the demo encoder with the trained head, as one graph and its vocabulary, into `baseDir` and returns the bundle. */
export async function makeCtcModel(baseDir: string, precision: "fp32" | "int8"): Promise<ModelBundle> {
  const source = await locateModel({ id: "demo-ru-rnnt", precision, dir: undefined }, { env: {} });
  const dir = join(baseDir, CTC_ID);
  await mkdir(dir, { recursive: true });
  await writeCtcGraph(source.encoderPath, join(dir, "model.onnx"));
  await copyFile(source.vocabPath, join(dir, "vocab.txt"));
  await writeLocalManifest(dir, {
    id: CTC_ID,
    name: "Demo Russian CTC",
    version: "1",
    summary: "The demo encoder with a linear CTC head.",
    license: { name: "MIT", holder: "gigastt-appliance contributors" },
    languages: ["ru"],
    source: { kind: "local", madeFrom: "demo-ru-rnnt" },
    files: [await describeFile(dir, "model.onnx"), await describeFile(dir, "vocab.txt")],
    precisions: { [precision]: { encoder: "model.onnx", vocab: "vocab.txt", memoryBytes: 48_000_000 } },
    frontEnd: source.frontEnd,
    ...(source.windows && { windows: source.windows }),
  });
  return locateModel({ id: CTC_ID, precision, dir: baseDir }, { env: {} });
}

// ---

const WIDTH = 144;
const CLASSES = 257;
const OUTPUT_FIELD = 12;

async function writeCtcGraph(encoderPath: string, path: string): Promise<void> {
  const bytes = await readFile(new URL("head.f32", FIXTURE));
  const values = new Float32Array(new Uint8Array(bytes).buffer);
  const encoder = await openOnnx(encoderPath);
  const tensors = new Map(encoder.tensors);
  tensors.set(
    "ctc_weights",
    floatTensor("ctc_weights", [WIDTH, CLASSES], async () => values.subarray(0, WIDTH * CLASSES)),
  );
  tensors.set(
    "ctc_bias",
    floatTensor("ctc_bias", [CLASSES], async () => values.subarray(WIDTH * CLASSES)),
  );
  const model: OnnxModel = {
    ...encoder,
    tensors,
    nodes: [
      ...encoder.nodes,
      makeNode("Transpose", ["encoded"], "ctc_rows", { perm: [0, 2, 1] }),
      makeNode("MatMul", ["ctc_rows", "ctc_weights"], "ctc_product"),
      makeNode("Add", ["ctc_product", "ctc_bias"], "ctc_scores"),
      makeNode("LogSoftmax", ["ctc_scores"], "log_probs", { axis: -1 }),
    ],
    graphRest: [
      ...encoder.graphRest.filter(({ field }) => field !== OUTPUT_FIELD),
      {
        field: OUTPUT_FIELD,
        bytes: encodeValueInfo({ name: "log_probs", dataType: DataType.float32, dims: ["batch", "frames", CLASSES] }),
      },
    ],
  };
  await writeOnnx(path, model);
  await encoder.close();
}
