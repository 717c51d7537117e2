import { copyFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { GigasttError } from "../../shared/errors.ts";
import type { ModelBundle } from "../manifest.ts";
import { openOnnx } from "../onnx/read.ts";
import { writeOnnx } from "../onnx/write.ts";
import { describeFile, writeLocalManifest } from "../local.ts";
import { pointwiseToMatMul } from "./pointwise.ts";
import { quantizeModel, type QuantizeSummary } from "./quantize.ts";
import { makeFolderDurably } from "../../shared/files.ts";

export interface PrepareOptions {
  /** An fp32 model. */
  readonly source: ModelBundle;
  /** Id of the model that is made; its folder below `baseDir`. */
  readonly id: string;
  readonly baseDir: string;
  /** Also turn the pointwise convolutions into int8 matrix products. */
  readonly pointwise: boolean;
  readonly reduceRange: boolean;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}

export interface PreparedModel {
  readonly dir: string;
  readonly summary: QuantizeSummary;
  readonly rewrittenConvolutions: number;
  readonly encoderBytesBefore: number;
  readonly encoderBytesAfter: number;
}

/**
 * Makes an int8 model out of an fp32 one: the encoder is quantized tensor by tensor, the small graphs and the vocabulary are
 * copied. Peak memory is a few times the largest weight matrix, whatever the model's size.
 *
 * @throws GigasttError `GST_MODEL_PRECISION` (exit 2) when the source is not fp32
 */
export async function prepareModel(options: PrepareOptions): Promise<PreparedModel> {
  const { source, id, baseDir } = options;
  if (source.precision !== "fp32") {
    throw new GigasttError(
      "GST_MODEL_PRECISION",
      `an fp32 model is needed, ${source.id} is ${source.precision}. Run \`gigastt models pull ${source.id} --precision fp32\`.`,
      { exitCode: 2 },
    );
  }
  const dir = join(baseDir, id);
  await makeFolderDurably(dir, 0o755);
  try {
    return await writeFiles(options, dir);
  } catch (error) {
    await rm(dir, { recursive: true, force: true });
    throw error;
  }
}

async function writeFiles(options: PrepareOptions, dir: string): Promise<PreparedModel> {
  const { source, id } = options;
  const small = source.transducer && { decoder: "decoder.onnx", joint: "joint.onnx" };
  const names = { encoder: "encoder.int8.onnx", ...small, vocab: "vocab.txt" };
  const opened = await openOnnx(source.encoderPath);
  let summary: QuantizeSummary;
  let rewrittenConvolutions = 0;
  try {
    const prepared = options.pointwise ? pointwiseToMatMul(opened) : { model: opened, rewritten: 0 };
    rewrittenConvolutions = prepared.rewritten;
    const quantized = quantizeModel(prepared.model, { reduceRange: options.reduceRange });
    summary = quantized.summary;
    await writeOnnx(join(dir, names.encoder), quantized.model, options.onProgress);
  } finally {
    await opened.close();
  }
  if (source.transducer && small) {
    await copyFile(source.transducer.decoderPath, join(dir, small.decoder));
    await copyFile(source.transducer.jointPath, join(dir, small.joint));
  }
  await copyFile(source.vocabPath, join(dir, names.vocab));
  const files = await Promise.all(Object.values(names).map((name) => describeFile(dir, name)));
  await writeLocalManifest(dir, {
    id,
    name: `${source.name}, int8 made here`,
    version: source.version,
    summary: `Made on this machine from ${source.id} fp32.`,
    license: { name: "as the source", holder: source.name },
    languages: source.languages,
    source: { kind: "local", madeFrom: source.bundleHash },
    files,
    precisions: { int8: { ...names, memoryBytes: workerMemory(files) } },
    frontEnd: source.frontEnd,
    ...(source.windows && { windows: source.windows }),
  });
  return {
    dir,
    summary,
    rewrittenConvolutions,
    encoderBytesBefore: (await stat(source.encoderPath)).size,
    encoderBytesAfter: files[0]?.bytes ?? 0,
  };
}

/** Weights once, plus what one 24 s window needs: measured as 1.6 times the files for graphs of GigaAM's size. */
function workerMemory(files: readonly { readonly bytes: number }[]): number {
  return Math.round(files.reduce((sum, { bytes }) => sum + bytes, 0) * 1.6);
}
