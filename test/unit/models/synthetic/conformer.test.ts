import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, expect, it } from "vitest";
import { elementCount } from "../../../../src/models/onnx/graph.ts";
import { writeOnnx } from "../../../../src/models/onnx/write.ts";
import {
  conformerEncoder,
  GIGAAM_SIZE,
  jointNetwork,
  predictionNetwork,
  type ConformerSize,
} from "../../../../src/models/synthetic/conformer.ts";

const dir = mkdtempSync(join(tmpdir(), "gigastt-synthetic-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const small: ConformerSize = {
  ...GIGAAM_SIZE,
  layers: 2,
  width: 32,
  heads: 4,
  feedForward: 64,
  predictionWidth: 16,
  jointWidth: 16,
  vocabulary: 20,
};

it("has the published number of encoder weights", () => {
  const weights = [...conformerEncoder(GIGAAM_SIZE).tensors.values()]
    .filter(({ dims }) => dims[2] !== 5000)
    .reduce((sum, { dims }) => sum + elementCount(dims), 0);
  // 885 084 534 bytes of fp32 in the published file.
  expect(Math.abs(weights * 4 - 885_084_534) / 885_084_534).toBeLessThan(0.005);
});

it("gives an encoder with GigaAM's tensor names, ranks and subsampling", async () => {
  const session = await load("encoder", conformerEncoder(small));
  const run = async (frames: number): Promise<{ dims: readonly number[]; length: number }> => {
    const { encoded, encoded_len: length } = await session.run({
      audio_signal: new ort.Tensor("float32", new Float32Array(64 * frames).fill(0.5), [1, 64, frames]),
      length: new ort.Tensor("int64", BigInt64Array.of(BigInt(frames)), [1]),
    });
    return { dims: encoded?.dims ?? [], length: Number(length?.data[0]) };
  };
  for (const frames of [1, 4, 5, 97, 100, 1000]) {
    const steps = Math.floor((frames - 1) / 4) + 1;
    expect(await run(frames)).toEqual({ dims: [1, 32, steps], length: steps });
  }
});

it("gives a prediction network and a joint that fit the encoder", async () => {
  const prediction = await load("decoder", predictionNetwork(small));
  const joint = await load("joint", jointNetwork(small));
  const zeros = (): ort.Tensor => new ort.Tensor("float32", new Float32Array(16), [1, 1, 16]);
  const { dec, h, c } = await prediction.run({
    x: new ort.Tensor("int64", BigInt64Array.of(20n), [1, 1]),
    "h.1": zeros(),
    "c.1": zeros(),
  });
  expect([dec?.dims, h?.dims, c?.dims]).toEqual([
    [1, 1, 16],
    [1, 1, 16],
    [1, 1, 16],
  ]);
  const { joint: scores } = await joint.run({
    enc: new ort.Tensor("float32", new Float32Array(32), [1, 32, 1]),
    dec: new ort.Tensor("float32", dec?.data as Float32Array, [1, 16, 1]), // the graph's output is float32
  });
  expect(scores?.dims).toEqual([1, 1, 1, 21]);
  const total = [...(scores!.data as Float32Array)].reduce((sum, value) => sum + Math.exp(value), 0);
  expect(total).toBeCloseTo(1, 4);
});

async function load(name: string, model: Parameters<typeof writeOnnx>[1]): Promise<ort.InferenceSession> {
  const path = join(dir, `${name}.onnx`);
  await writeOnnx(path, model);
  return ort.InferenceSession.create(path, { intraOpNumThreads: 1 });
}
