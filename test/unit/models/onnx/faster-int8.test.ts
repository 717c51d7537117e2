import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, it } from "vitest";
import { DataType, floatTensor, type OnnxModel } from "../../../../src/models/onnx/graph.ts";
import { openOnnx } from "../../../../src/models/onnx/read.ts";
import { writeOnnx } from "../../../../src/models/onnx/write.ts";
import { fasterInt8, type WeightSign } from "../../../../src/models/prepare/faster-int8.ts";
import { createGraphBuilder } from "../../../../src/models/synthetic/graph-builder.ts";
import { hasDotProducts } from "../../../support/dot-products.ts";
import { fuzzCases, fuzzRuns } from "../../../support/fuzz.ts";
import { publishedForm } from "../../../support/published-form.js";

const demo = join(import.meta.dirname, "../../../../models/demo_ru_rnnt/demo_ru_rnnt_encoder.onnx");
const golden = join(import.meta.dirname, "../../../fixtures/golden/dev_espeak_07.logmel.f32");
const dir = mkdtempSync(join(tmpdir(), "gigastt-faster-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
// Signed weights are for processors that sum them exactly: see `processor` in engine/pool/optimized-encoder.ts.
const SIGNS: readonly WeightSign[] = hasDotProducts() ? ["signed", "unsigned"] : ["unsigned"];
const isPointwiseOrProduct = (node: { opType: string }, weight: { dims: readonly number[] }): boolean =>
  node.opType !== "Conv" || weight.dims[2] === 1;

let files = 0;
/** Writes a model and computes it without ONNX Runtime's own rewriting, so that sums are compared and not its kernels. */
async function run(model: OnnxModel, feeds: Record<string, ort.Tensor>): Promise<Float32Array> {
  const path = join(dir, `${(files += 1)}.onnx`);
  await writeOnnx(path, model);
  const session = await ort.InferenceSession.create(path, { graphOptimizationLevel: "disabled", intraOpNumThreads: 1 });
  const output = await session.run(feeds);
  const values = Float32Array.from(output[session.outputNames[0]!]?.data as Float32Array); // the graph's output is float32
  await session.release();
  rmSync(path);
  return values;
}

/** Log-mel features of a clip, and of noise at several lengths. */
function demoFeeds(): Record<string, ort.Tensor>[] {
  const bytes = readFileSync(golden);
  const speech = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const noise = [40, 97].map((frames) => Float32Array.from({ length: 64 * frames }, (_, n) => Math.sin(n * n) * 5 - 6));
  return [speech, ...noise].map((signal) => ({
    audio_signal: new ort.Tensor("float32", signal, [1, 64, signal.length / 64]),
    length: new ort.Tensor("int64", BigInt64Array.of(BigInt(signal.length / 64)), [1]),
  }));
}

describe("the demo encoder in the published form", () => {
  it("gives equal output, bit for bit, with its pointwise convolutions as products and its weights of either sign", async () => {
    const source = await openOnnx(demo);
    const published = publishedForm(source, isPointwiseOrProduct);
    for (const feeds of demoFeeds()) {
      const wanted = await run(published, feeds);
      for (const sign of SIGNS) {
        const { model, summary } = fasterInt8(published, sign);
        expect(summary).toEqual({ signedProducts: sign === "signed" ? 50 : 0, pointwise: 10, floatConvolutions: 0 });
        expect(model.nodes.some(({ opType }) => opType === "ConvInteger")).toBe(false);
        expect(await run(model, feeds)).toEqual(wanted);
      }
    }
    await source.close();
  });

  it("comes nearer to the fp32 encoder when every convolution was quantized, and no integer convolution is left", async () => {
    const source = await openOnnx(demo);
    const published = publishedForm(source);
    const { model, summary } = fasterInt8(published, "signed");
    expect(summary).toEqual({ signedProducts: 50, pointwise: 10, floatConvolutions: 7 });
    // On noise, which the encoder was not trained on, either may be nearer.
    for (const feeds of demoFeeds().slice(0, 1)) {
      const fp32 = await run(source, feeds);
      expect(relativeError(await run(model, feeds), fp32)).toBeLessThan(
        relativeError(await run(published, feeds), fp32),
      );
    }
    await source.close();
  });

  it("is left alone when nothing in it is integer", async () => {
    const source = await openOnnx(demo);
    const { model, summary } = fasterInt8(source, "signed");
    expect(summary).toEqual({ signedProducts: 0, pointwise: 0, floatConvolutions: 0 });
    expect(model.nodes).toEqual(source.nodes);
    await source.close();
  });
});

/** One convolution over `x [1, groups·perGroup, frames]`, then a product. */
const convolution = fc.record({
  perGroup: fc.integer({ min: 1, max: 5 }),
  groups: fc.integer({ min: 1, max: 3 }),
  perGroupOut: fc.integer({ min: 1, max: 4 }),
  kernel: fc.integer({ min: 1, max: 4 }),
  stride: fc.integer({ min: 1, max: 2 }),
  pad: fc.integer({ min: 0, max: 2 }),
  hasBias: fc.boolean(),
  // Weights all positive, all negative, all zero or mixed: zero points at both ends and between.
  shift: fc.constantFrom(-2, 0, 2),
  spread: fc.constantFrom(0, 0.5, 3),
  frames: fc.integer({ min: 4, max: 9 }),
  sign: fc.constantFrom(...SIGNS),
});

it("any quantized convolution and the product behind it give what they gave: exactly when pointwise, else nearer to fp32's result", async () => {
  await fc.assert(
    fc.asyncProperty(convolution, async (c) => {
      const inputs = c.perGroup * c.groups;
      const outputs = c.perGroupOut * c.groups;
      const g = createGraphBuilder(7);
      const wave = (count: number): Float32Array =>
        Float32Array.from({ length: count }, (_, n) => c.shift + c.spread * Math.sin(7 * n + 1));
      const weight = g.floats([outputs, c.perGroup, c.kernel], () => wave(outputs * c.perGroup * c.kernel));
      const bias = c.hasBias ? [g.floats([outputs], () => wave(outputs))] : [];
      const attributes = { group: c.groups, kernel_shape: [c.kernel], strides: [c.stride], pads: [c.pad, c.pad] };
      const rows = g.op("Transpose", [g.op("Conv", ["x", weight, ...bias], attributes)], { perm: [0, 2, 1] });
      g.op("MatMul", [rows, g.floats([outputs, 3], () => wave(outputs * 3))], {}, "y");
      const float = g.build(
        [{ name: "x", dataType: DataType.float32, dims: [1, inputs, "T"] }],
        [{ name: "y", dataType: DataType.float32, dims: [1, "S", 3] }],
      );
      const feeds = {
        x: new ort.Tensor(
          "float32",
          Float32Array.from({ length: inputs * c.frames }, (_, n) => Math.cos(3 * n)),
          [1, inputs, c.frames],
        ),
      };
      const published = publishedForm(float);
      const { model, summary } = fasterInt8(published, c.sign);
      const isPointwise = c.kernel === 1 && c.stride === 1 && c.pad === 0 && c.groups === 1;
      expect(summary).toMatchObject({ pointwise: isPointwise ? 1 : 0, floatConvolutions: isPointwise ? 0 : 1 });
      const [fp32, before, after] = [await run(float, feeds), await run(published, feeds), await run(model, feeds)];
      if (isPointwise) expect(after).toEqual(before);
      // A single value can be worse by the product's own rounding.
      else
        expect(largestError(after, fp32)).toBeLessThanOrEqual(
          1.5 * largestError(before, fp32) + 0.02 * largest(fp32) + 1e-6,
        );
    }),
    fuzzRuns(800),
  );
});

describe("files that are not what they seem", () => {
  it("a damaged graph is rewritten or refused with a code, and a refused one leaves no file", async () => {
    const source = await openOnnx(demo);
    const whole = join(dir, "published.onnx");
    await writeOnnx(whole, publishedForm(source));
    await source.close();
    const original = readFileSync(whole);
    const mutant = join(dir, "mutant.onnx");
    const target = join(dir, "rewritten.onnx");
    let seed = 11;
    const random = (below: number): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % below;
    let refused = 0;
    const cases = fuzzCases(300);
    for (let i = 0; i < cases; i += 1) {
      const bytes = Buffer.from(original);
      for (let flips = 0; flips < 3; flips += 1) bytes[random(120_000)] = random(256);
      writeFileSync(mutant, bytes);
      if (random(3) === 0) truncateSync(mutant, random(bytes.length));
      try {
        const model = await openOnnx(mutant);
        try {
          await writeOnnx(target, fasterInt8(model, "signed").model);
          rmSync(target);
        } finally {
          await model.close();
        }
      } catch (error) {
        refused += 1;
        expect(error).toMatchObject({ code: "GST_MODEL_FORMAT" });
        expect(readdirSync(dir).filter((name) => name.startsWith("rewritten"))).toEqual([]);
      }
    }
    expect(refused).toBeGreaterThan(cases / 10);
  }, 60_000);

  it("a graph with branches, and weights that contradict their shape, are refused with the reason", async () => {
    const source = await openOnnx(demo);
    const published = publishedForm(source);
    const branching = { ...published, nodes: [...published.nodes, { ...published.nodes[0]!, opType: "If" }] };
    expect(() => fasterInt8(branching, "signed")).toThrow(/has a If node, which cannot be rewritten/);
    const tensors = new Map(published.tensors);
    const [name, codes] = [...tensors].find(
      ([, { dataType, dims }]) => dataType === DataType.uint8 && dims.length === 2,
    )!;
    tensors.set(name, { ...codes, byteLength: codes.byteLength - 1 });
    expect(() => fasterInt8({ ...published, tensors }, "signed")).toThrow(/bytes where its shape needs/);
    await source.close();
  });

  it("a convolution that is not followed by its scales stays as it is", async () => {
    const source = await openOnnx(demo);
    const published = publishedForm(source);
    const tensors = new Map(published.tensors);
    for (const name of tensors.keys())
      if (name.endsWith("_scale"))
        tensors.set(
          name,
          floatTensor(name, [2], async () => Float32Array.of(1, 1)),
        );
    const { model, summary } = fasterInt8({ ...published, tensors }, "unsigned");
    expect(summary).toMatchObject({ pointwise: 0, floatConvolutions: 0 });
    expect(model.nodes.filter(({ opType }) => opType === "ConvInteger")).toHaveLength(17);
    expect(tensors.size).toBeGreaterThan(0);
    await source.close();
  });
});

const largest = (values: Float32Array): number => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

function largestError(actual: Float32Array, wanted: Float32Array): number {
  return largest(actual.map((value, n) => value - wanted[n]!));
}

/** Root of the summed squared difference over the summed squares. */
function relativeError(actual: Float32Array, wanted: Float32Array): number {
  const squares = (values: Float32Array): number => values.reduce((sum, value) => sum + value * value, 0);
  return Math.sqrt(squares(actual.map((value, n) => value - wanted[n]!)) / squares(wanted));
}
