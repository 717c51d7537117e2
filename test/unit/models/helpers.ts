import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { ModelFile } from "../../../src/models/manifest.ts";
import type { ModelEntry, Registry } from "../../../src/models/registry-guard.ts";

/** A temporary folder that is gone after the test. */
export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), "gigastt-models-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface MadeModel {
  readonly entry: ModelEntry;
  /** Content by file name. */
  readonly content: ReadonlyMap<string, Buffer>;
}

/** A made-up downloadable model: seven small files, int8 and fp32, and their contents. */
export function makeModel(baseUrl = "https://models.invalid/tiny/", encoderBytes = 5000): MadeModel {
  const sizes = {
    "tiny_encoder.onnx": encoderBytes * 2,
    "tiny_decoder.onnx": 700,
    "tiny_joint.onnx": 300,
    "tiny_encoder.int8.onnx": encoderBytes,
    "tiny_decoder.int8.onnx": 350,
    "tiny_joint.int8.onnx": 150,
    "tiny_vocab.txt": 64,
  };
  const content = new Map(Object.entries(sizes).map(([name, bytes]) => [name, randomBytes(bytes)]));
  const roles = (
    suffix: string,
  ): { encoder: string; decoder: string; joint: string; vocab: string; memoryBytes: number } => ({
    encoder: `tiny_encoder${suffix}.onnx`,
    decoder: `tiny_decoder${suffix}.onnx`,
    joint: `tiny_joint${suffix}.onnx`,
    vocab: "tiny_vocab.txt",
    memoryBytes: 1_000_000,
  });
  const entry: ModelEntry = {
    id: "tiny",
    name: "Tiny",
    version: "1",
    summary: "made up",
    license: { name: "MIT", holder: "nobody" },
    source: { kind: "download", baseUrl },
    files: [...content].map(([name, bytes]) => fileOf(name, bytes)),
    precisions: { int8: roles(".int8"), fp32: roles("") },
    frontEnd: {
      sampleRateHz: 16_000,
      windowSamples: 320,
      hopSamples: 160,
      melBins: 64,
      minHz: 0,
      maxHz: 8000,
      bfloat16Buffers: true,
    },
  };
  return { entry, content };
}

export function fileOf(name: string, bytes: Uint8Array): ModelFile {
  return { name, bytes: bytes.byteLength, sha256: createHash("sha256").update(bytes).digest("hex") };
}

/** Puts files of a made-up model into a folder. */
export function install(model: MadeModel, dir: string, only: (name: string) => boolean = () => true): void {
  mkdirSync(dir, { recursive: true });
  for (const [name, bytes] of model.content) if (only(name)) writeFileSync(join(dir, name), bytes);
}

/** The installation's own registry with its downloadable model replaced by a made-up one. */
export function registryWith(model: MadeModel, base: Registry): Registry {
  return { version: 1, models: [model.entry, ...base.models.filter(({ source }) => source.kind === "bundled")] };
}

export const isInt8 = (name: string): boolean => name.includes(".int8.") || name.endsWith(".txt");
export const isFp32 = (name: string): boolean => !name.includes(".int8.");
