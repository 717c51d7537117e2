import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeFile, writeLocalManifest } from "../local.ts";
import type { FrontEnd } from "../manifest.ts";
import { writeOnnx } from "../onnx/write.ts";
import { pointwiseToMatMul } from "../prepare/pointwise.ts";
import { quantizeModel } from "../prepare/quantize.ts";
import { conformerEncoder, GIGAAM_SIZE, jointNetwork, predictionNetwork, type ConformerSize } from "./conformer.ts";

/** Id of the model that `bench --synthetic gigaam` makes. */
export const SYNTHETIC_ID = "synthetic-gigaam";

const FRONT_END: FrontEnd = {
  sampleRateHz: 16_000,
  windowSamples: 320,
  hopSamples: 160,
  melBins: 64,
  minHz: 0,
  maxHz: 8000,
  bfloat16Buffers: false,
};

/**
 * Writes a model of GigaAM's exact size with random weights to `<baseDir>/synthetic-gigaam`: it costs what GigaAM costs and says
 * nonsense. Weights are made while they are written, so it needs 240 MB of disk and little memory.
 */
export async function makeSyntheticModel(options: {
  readonly baseDir: string;
  /** Pointwise convolutions as int8 matrix products too, as `models optimize` makes them. */
  readonly pointwise: boolean;
  readonly size?: ConformerSize;
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
}): Promise<string> {
  const size = options.size ?? GIGAAM_SIZE;
  const dir = join(options.baseDir, SYNTHETIC_ID);
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir, { recursive: true });
  const names = { encoder: "encoder.int8.onnx", decoder: "decoder.onnx", joint: "joint.onnx", vocab: "vocab.txt" };
  const encoder = conformerEncoder(size);
  const rewritten = options.pointwise ? pointwiseToMatMul(encoder).model : encoder;
  const quantized = quantizeModel(rewritten, { reduceRange: false, minElements: 1024 });
  await writeOnnx(join(dir, names.encoder), quantized.model, options.onProgress);
  await writeOnnx(join(dir, names.decoder), predictionNetwork(size));
  await writeOnnx(join(dir, names.joint), jointNetwork(size));
  await writeFile(join(dir, names.vocab), vocabulary(size.vocabulary));
  const files = await Promise.all(Object.values(names).map((name) => describeFile(dir, name)));
  await writeLocalManifest(dir, {
    id: SYNTHETIC_ID,
    name: "Random weights of GigaAM's size",
    version: "1",
    summary: "For measurements only: same cost as GigaAM v3, meaningless text.",
    license: { name: "MIT", holder: "gigastt appliance authors" },
    source: { kind: "local", madeFrom: "random numbers" },
    files,
    precisions: { int8: { ...names, memoryBytes: options.pointwise ? 593_000_000 : 711_000_000 } },
    frontEnd: FRONT_END,
  });
  return dir;
}

/** `<unk>`, then made-up syllables of which every second one begins a word, then the blank. */
function vocabulary(pieces: number): string {
  const consonants = "бвгджзклмнпрстфхцчшщ";
  const vowels = "аеиоуыэюя";
  const lines = ["<unk> 0"];
  for (let id = 1; id < pieces; id += 1) {
    const syllable = `${consonants[id % consonants.length]}${vowels[Math.floor(id / consonants.length) % vowels.length]}`;
    const tail = id >= consonants.length * vowels.length ? consonants[Math.floor(id / 180) % consonants.length] : "";
    lines.push(`${id % 2 === 0 ? "▁" : ""}${syllable}${tail} ${id}`);
  }
  lines.push(`<blk> ${pieces}`);
  return `${lines.join("\n")}\n`;
}
