import { copyFile, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { loadRequestOf, type LoadRequest } from "../../../../src/engine/acoustic/protocol.ts";
import { createRequestSource, type RequestSource } from "../../../../src/engine/pool/optimized-encoder.ts";
import { createPool, type RenewablePool } from "../../../../src/engine/pool/pool.ts";
import { canBeRewritten, writeRewritten } from "../../../../src/engine/pool/rewrite.ts";
import { describeFile } from "../../../../src/models/local.ts";
import type { ModelBundle } from "../../../../src/models/manifest.ts";
import { openOnnx } from "../../../../src/models/onnx/read.ts";
import { writeOnnx } from "../../../../src/models/onnx/write.ts";
import { findRewritten } from "../../../../src/models/optimized.ts";
import { conformerEncoder, GIGAAM_SIZE } from "../../../../src/models/synthetic/conformer.ts";
import { publishedForm } from "../../../support/published-form.js";
import { demoBundle } from "../support.ts";

const DECODING = { threads: 1, maxSymbolsPerFrame: 10 };

async function scratch(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "gigastt-rewrite-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** The demo model with its encoder in the form of the published int8 file. */
async function publishedDemo(dir: string): Promise<ModelBundle> {
  const demo = await demoBundle("fp32");
  const source = await openOnnx(demo.encoderPath);
  const encoderPath = join(dir, "encoder.int8.onnx");
  await writeOnnx(encoderPath, publishedForm(source));
  await source.close();
  return { ...demo, precision: "int8", encoderPath, files: [await describeFile(dir, "encoder.int8.onnx")] };
}

function sourceOf(bundle: ModelBundle, dir: string, rewrites = true): RequestSource {
  return createRequestSource(bundle, loadRequestOf(bundle, DECODING), { dir, rewrites, smallestBytes: 0 });
}

async function startPool(source: RequestSource): Promise<{ pool: RenewablePool; from: string }> {
  const pool = createPool({
    workers: 1,
    request: source.next,
    queueLimit: 10,
    loadTimeoutMs: 60_000,
    onWorkerLost: (reason) => expect.unreachable(reason),
  });
  onTestFinished(() => pool.close());
  const { encoderFrom } = await pool.start();
  return { pool, from: `${source.form()}, ${encoderFrom}` };
}

async function read(pool: RenewablePool): Promise<readonly number[]> {
  const frames = 200;
  const features = Float32Array.from({ length: 64 * frames }, (_, n) => Math.sin(n * 0.37) * 4 - 6);
  const signal = new AbortController().signal;
  return [...(await pool.run({ features, frames, kind: "file", deadlineMs: 0, signal })).ids];
}

test("the first start serves the published form, makes the fast one, hands over to it; later starts load it at once, a changed model makes it again", async () => {
  const dir = await scratch();
  const copies = join(dir, "copies");
  const bundle = await publishedDemo(dir);
  const { sha256 } = bundle.files[0]!;
  const first = sourceOf(bundle, copies);
  const { pool, from } = await startPool(first);
  expect(from).toBe("published, model");
  const before = await read(pool);
  expect(await first.hasFasterForm()).toBe(true);
  const trial = await first.rewrite(new AbortController().signal);
  expect(trial.windows).toBe(4);
  expect(trial.tokens).toBeGreaterThan(50);
  expect(trial.tokenEdits).toBeLessThanOrEqual(2);
  expect(await findRewritten(copies, sha256)).toEqual(trial);
  const forms: string[] = [];
  let cleaned: Promise<void> | undefined;
  await pool.renew(() => {
    forms.push(first.form());
    cleaned = first.renewed();
    forms.push(first.form());
  });
  await cleaned;
  expect(forms).toEqual(["published", "rewritten"]);
  expect(first.form()).toBe("rewritten");
  expect(await read(pool)).toEqual(before);
  expect(await readdir(copies)).toHaveLength(1);

  // A second process that began with the published form, too.
  const late = sourceOf(bundle, copies, true);
  expect(await late.rewrite(new AbortController().signal)).toEqual(trial);
  expect((await late.next("replacement")).optimizedEncoderPath).toBeUndefined();

  const second = sourceOf(bundle, copies);
  expect((await startPool(second)).from).toBe("rewritten, optimized copy");
  expect(await second.hasFasterForm()).toBe(false);

  const off = sourceOf(bundle, copies, false);
  expect((await startPool(off)).from).toBe("published, model");
  expect(await off.hasFasterForm()).toBe(false);

  const changed = { ...bundle, files: [{ ...bundle.files[0]!, sha256: "c".repeat(64) }] };
  const other = sourceOf(changed, copies);
  await other.next("first");
  expect([other.form(), await other.hasFasterForm()]).toEqual(["published", true]);
  await other.failed();
}, 120_000);

test("an interrupted rewriting leaves nothing, and can be done again", async () => {
  const dir = await scratch();
  const copies = join(dir, "copies");
  const source = sourceOf(await publishedDemo(dir), copies);
  for (const afterMs of [0, 300]) {
    const stop = new AbortController();
    const rewriting = source.rewrite(stop.signal);
    setTimeout(() => stop.abort(new Error("the model is released")), afterMs);
    await expect(rewriting).rejects.toThrow("the model is released");
    expect(await readdir(copies)).toEqual([]);
  }
  expect((await source.rewrite(new AbortController().signal)).windows).toBe(4);
});

test("a rewriting that another process is at is refused with the reason", async () => {
  const dir = await scratch();
  const copies = join(dir, "copies");
  const bundle = await publishedDemo(dir);
  const stop = new AbortController();
  const source = sourceOf(bundle, copies);
  const rewriting = source.rewrite(stop.signal);
  await expect.poll(() => readdir(copies).catch(() => [])).toHaveLength(2);
  await expect(sourceOf(bundle, copies).rewrite(stop.signal)).rejects.toMatchObject({
    code: "GST_REWRITE_BUSY",
    message: expect.stringContaining("another process writes"),
  });
  stop.abort(new Error("enough"));
  await expect(rewriting).rejects.toThrow("enough");
});

test("too little memory, a damaged encoder and a text that differs are refused with codes", async () => {
  const dir = await scratch();
  const bundle = await publishedDemo(dir);
  const encoder = bundle.files[0]!;
  const published = loadRequestOf(bundle, DECODING);
  const draft = { graphPath: join(dir, "graph.onnx"), commit: async () => undefined, discard: async () => {} };
  const { signal } = new AbortController();
  const attempt = (request: LoadRequest, availableBytes = 1e9): Promise<unknown> =>
    writeRewritten({
      encoder,
      published: request,
      sign: "signed",
      draft,
      signal,
      availableBytes: async () => availableBytes,
    });
  await expect(attempt(published, 1e6)).rejects.toMatchObject({
    code: "GST_REWRITE_ROOM",
    message: expect.stringMatching(/^7\.4 MB of memory must be available, found 1(\.0)? MB/),
  });
  const damaged = join(dir, "damaged.onnx");
  await writeFile(damaged, "no graph");
  await expect(attempt({ ...published, encoderPath: damaged })).rejects.toMatchObject({ code: "GST_MODEL_FORMAT" });
  await expect(canBeRewritten(damaged, "signed")).rejects.toMatchObject({ code: "GST_MODEL_FORMAT" });

  // What serves now is another encoder of the same shape: as if the rewritten one computed something else.
  const stranger = join(dir, "stranger.onnx");
  await writeOnnx(stranger, conformerEncoder({ ...GIGAAM_SIZE, layers: 1, width: 144, heads: 4, feedForward: 144 }));
  await expect(attempt({ ...published, optimizedEncoderPath: stranger })).rejects.toMatchObject({
    code: "GST_REWRITE",
    message: expect.stringMatching(/text may differ in few tokens, \d+ of \d+ differ/),
  });
});

test("fp32 encoders, and int8 ones whose products are signed, have no faster form", async () => {
  const [fp32, int8] = [await demoBundle("fp32"), await demoBundle("int8")];
  expect(await canBeRewritten(fp32.encoderPath, "signed")).toBe(false);
  // The bundled int8 encoder has unsigned products and float convolutions: only the sign can be better.
  expect(await canBeRewritten(int8.encoderPath, "signed")).toBe(true);
  expect(await canBeRewritten(int8.encoderPath, "unsigned")).toBe(false);
  const copy = join(await scratch(), "copy.onnx");
  await copyFile(fp32.encoderPath, copy);
  const source = createRequestSource({ ...fp32, encoderPath: copy }, loadRequestOf(fp32, DECODING), undefined);
  expect(await source.hasFasterForm()).toBe(false);
});
