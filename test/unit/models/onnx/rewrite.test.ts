import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openOnnx } from "../../../../src/models/onnx/read.ts";
import { writeOnnx } from "../../../../src/models/onnx/write.ts";
import { pointwiseToMatMul } from "../../../../src/models/prepare/pointwise.ts";
import { quantizeModel } from "../../../../src/models/prepare/quantize.ts";
import { hasDotProducts } from "../../../support/dot-products.ts";
import { fuzzCases } from "../../../support/fuzz.ts";

const encoder = join(import.meta.dirname, "../../../../models/demo_ru_rnnt/demo_ru_rnnt_encoder.onnx");
const golden = join(import.meta.dirname, "../../../fixtures/golden/dev_espeak_07.logmel.f32");
const frames = 166;
const dir = mkdtempSync(join(tmpdir(), "gigastt-onnx-"));
const cases = fuzzCases(2000);
let reference: Float32Array;

beforeAll(async () => {
  reference = await encode(encoder);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

describe("reading and writing", () => {
  it("gives a file that computes the same numbers bit for bit", async () => {
    const copy = join(dir, "copy.onnx");
    const model = await openOnnx(encoder);
    await writeOnnx(copy, model);
    await model.close();
    expect(await encode(copy)).toEqual(reference);
  });

  it("reports progress up to the whole graph", async () => {
    const model = await openOnnx(encoder);
    const seen: number[] = [];
    let total = 0;
    await writeOnnx(join(dir, "progress.onnx"), model, (written, all) => {
      seen.push(written);
      total = all;
    });
    await model.close();
    expect(seen.at(-1)).toBe(total);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    expect(total).toBeLessThan(statSync(join(dir, "progress.onnx")).size);
  });

  it("leaves no partial file behind when a tensor cannot be read", async () => {
    const path = join(dir, "broken.onnx");
    const model = await openOnnx(encoder);
    await model.close();
    await expect(writeOnnx(path, model)).rejects.toThrow();
    expect(() => statSync(path)).toThrow("ENOENT");
  });

  it("answers any corrupted file with a model or a coded error", async () => {
    const original = readFileSync(encoder);
    const path = join(dir, "mutant.onnx");
    let seed = 7;
    const random = (below: number): number => {
      seed = (seed * 1664525 + 1013904223) >>> 0;
      return seed % below;
    };
    let refused = 0;
    for (let i = 0; i < cases; i += 1) {
      // The structure is in the first megabyte and in the tensors' heads; weights themselves cannot be malformed.
      const bytes = original.subarray(0, 60_000 + random(40_000));
      const mutant = new Uint8Array(random(2) === 0 ? bytes.subarray(0, random(bytes.length)) : bytes);
      for (let flips = 0; flips < 4 && mutant.length > 0; flips += 1) mutant[random(mutant.length)] = random(256);
      writeFileSync(path, mutant);
      try {
        await (await openOnnx(path)).close();
      } catch (error) {
        refused += 1;
        expect(error).toMatchObject({ code: "GST_MODEL_FORMAT" });
      }
    }
    expect(refused).toBeGreaterThan(cases / 2);
  });
});

describe("rewriting", () => {
  it("keeps the result of pointwise convolutions turned into matrix products", async () => {
    const path = join(dir, "pointwise.onnx");
    const model = await openOnnx(encoder);
    const { model: rewritten, rewritten: count } = pointwiseToMatMul(model);
    await writeOnnx(path, rewritten);
    await model.close();
    expect(count).toBe(10);
    expect(relativeError(await encode(path), reference)).toBeLessThan(1e-4);
  });

  it("quantizes every constant matrix product and stays within the error of the int8 model that is shipped", async () => {
    const path = join(dir, "int8.onnx");
    const model = await openOnnx(encoder);
    // Where 8 bits saturate, 7 are used, which are a little coarser.
    const isExact = hasDotProducts();
    const { model: quantized, summary } = quantizeModel(model, { reduceRange: !isExact });
    await writeOnnx(path, quantized);
    await model.close();
    expect(summary).toMatchObject({ quantizedNodes: 40, keptMatMuls: 10 });
    const shipped = await encode(encoder.replace(".onnx", ".int8.onnx"));
    expect(relativeError(await encode(path), reference)).toBeLessThan(
      (isExact ? 1.1 : 1.2) * relativeError(shipped, reference),
    );
    expect(statSync(path).size).toBeLessThan(0.45 * statSync(encoder).size);
  });

  it("stays close to the original with 7-bit weights", async () => {
    const path = join(dir, "int7.onnx");
    const model = await openOnnx(encoder);
    await writeOnnx(path, quantizeModel(model, { reduceRange: true }).model);
    await model.close();
    expect(relativeError(await encode(path), reference)).toBeLessThan(0.03);
  });
});

async function encode(path: string): Promise<Float32Array> {
  const session = await ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
  const bytes = readFileSync(golden);
  const mel = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const signal = new Float32Array(mel.length);
  for (let t = 0; t < frames; t += 1) for (let f = 0; f < 64; f += 1) signal[f * frames + t] = mel[t * 64 + f] ?? 0;
  const output = await session.run({
    audio_signal: new ort.Tensor("float32", signal, [1, 64, frames]),
    length: new ort.Tensor("int64", BigInt64Array.of(BigInt(frames)), [1]),
  });
  const encoded = Float32Array.from(output["encoded"]?.data as Float32Array); // the graph's output is float32
  await session.release();
  return encoded;
}

/** Root of the summed squared difference over the summed squares. */
function relativeError(actual: Float32Array, wanted: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (const [i, value] of wanted.entries()) {
    difference += ((actual[i] ?? 0) - value) ** 2;
    norm += value ** 2;
  }
  return Math.sqrt(difference / norm);
}
