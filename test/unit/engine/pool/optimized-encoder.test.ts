import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { LoadRequest } from "../../../../src/engine/acoustic/protocol.ts";
import { createPool } from "../../../../src/engine/pool/pool.ts";
import { createRequestSource } from "../../../../src/engine/pool/optimized-encoder.ts";
import { demoBundle } from "../support.ts";

async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "gigastt-copies-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** Loads in a real worker and reads one window. */
async function load(request: LoadRequest): Promise<{ from: string; ids: number[] }> {
  const pool = createPool({
    workers: 1,
    request: async () => request,
    queueLimit: 1,
    loadTimeoutMs: 60_000,
    onWorkerLost: (reason) => expect.unreachable(reason),
  });
  onTestFinished(() => pool.close());
  const { encoderFrom } = await pool.start();
  const frames = 200;
  const features = Float32Array.from({ length: 64 * frames }, (_, n) => Math.sin(n * 0.37) * 4 - 6);
  const signal = new AbortController().signal;
  const { ids } = await pool.run({ features, frames, kind: "file", deadlineMs: 0, signal });
  return { from: encoderFrom, ids: [...ids] };
}

test.each(["int8", "fp32"] as const)(
  "an optimized copy is left while loading, and reads the same (%s)",
  async (precision) => {
    const request = { ...(await demoBundle(precision)), threads: 1, maxSymbolsPerFrame: 10 };
    const copy = join(await scratch(), "encoder.onnx");
    const first = await load({ ...request, saveEncoderTo: copy });
    const second = await load({ ...request, optimizedEncoderPath: copy });
    expect([first.from, second.from]).toEqual(["model", "optimized copy"]);
    expect(second.ids).toEqual(first.ids);
  },
);

test("a copy that the runtime refuses, or cannot write, does not stop the load", async () => {
  const request = { ...(await demoBundle("int8")), threads: 1, maxSymbolsPerFrame: 10 };
  const broken = join(await scratch(), "encoder.onnx");
  await writeFile(broken, "no graph");
  expect((await load({ ...request, optimizedEncoderPath: broken })).from).toBe("model");
  expect((await load({ ...request, saveEncoderTo: join(dirname(broken), "nowhere", "encoder.onnx") })).from).toBe(
    "model",
  );
});

test("small encoders and callers without a folder get no copies", async () => {
  const bundle = await demoBundle("int8");
  const request = { ...bundle, threads: 1, maxSymbolsPerFrame: 10 };
  for (const dir of [undefined, join(await scratch(), "copies")]) {
    const source = createRequestSource(bundle, request, dir === undefined ? undefined : { dir, rewrites: true });
    for (const worker of ["first", "other", "replacement"] as const) expect(await source.next(worker)).toEqual(request);
  }
});
