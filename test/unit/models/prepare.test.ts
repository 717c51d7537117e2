import { fork } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ModelBundle } from "../../../src/models/manifest.ts";
import { locateModel } from "../../../src/models/locate.ts";
import { prepareModel } from "../../../src/models/prepare/prepare-model.ts";
import { GIGAAM_SIZE } from "../../../src/models/synthetic/conformer.ts";
import { makeSyntheticModel } from "../../../src/models/synthetic/synthetic-model.ts";
import { verifyBundle } from "../../../src/models/verify.ts";
import { entryFile } from "../../../src/shared/process/entry.ts";

const baseDir = mkdtempSync(join(tmpdir(), "gigastt-prepare-"));
afterAll(() => rmSync(baseDir, { recursive: true, force: true }));

const evalDir = join(import.meta.dirname, "../../fixtures/eval");
const find = (id: string, precision: "auto" | "fp32" | "int8" = "auto"): Promise<ModelBundle> =>
  locateModel({ id, precision, dir: baseDir }, { env: {} });

describe("preparing an int8 model", () => {
  it("makes a model that is found, verified and says what its source says, but for a word here and there", async () => {
    const source = await find("demo-ru-rnnt", "fp32");
    const prepared = await prepareModel({ source, id: "demo-fast", baseDir, pointwise: true, reduceRange: false });
    expect(prepared).toMatchObject({ rewrittenConvolutions: 10, summary: { quantizedNodes: 50 } });
    expect(prepared.encoderBytesAfter).toBeLessThan(0.35 * prepared.encoderBytesBefore);
    const candidate = await find("demo-fast");
    await verifyBundle(candidate);
    const report = await compare(source, candidate);
    expect(report.windows).toBe(4);
    expect(report.tokens).toBeGreaterThan(50);
    expect(report.tokenEdits / report.tokens).toBeLessThan(0.05);
  });

  it("refuses a source that is int8 already, with the command that gets the right one", async () => {
    const source = await find("demo-ru-rnnt", "int8");
    await expect(
      prepareModel({ source, id: "again", baseDir, pointwise: true, reduceRange: false }),
    ).rejects.toMatchObject({ code: "GST_MODEL_PRECISION", exitCode: 2 });
    expect(readdirSync(baseDir)).not.toContain("again");
  });

  it("leaves nothing behind when the source is not an ONNX file", async () => {
    const broken = join(baseDir, "broken.onnx");
    writeFileSync(broken, "not a model");
    const source = { ...(await find("demo-ru-rnnt", "fp32")), encoderPath: broken };
    await expect(
      prepareModel({ source, id: "half", baseDir, pointwise: false, reduceRange: false }),
    ).rejects.toMatchObject({ code: "GST_MODEL_FORMAT" });
    expect(readdirSync(baseDir)).not.toContain("half");
  });
});

describe("local models", () => {
  it("ignores a manifest that is broken, misplaced or takes over a shipped id", async () => {
    await prepareModel({
      source: await find("demo-ru-rnnt", "fp32"),
      id: "demo-ru-rnnt",
      baseDir,
      pointwise: false,
      reduceRange: false,
    });
    expect((await find("demo-ru-rnnt", "int8")).encoderPath).not.toContain(baseDir);
    writeFileSync(join(baseDir, "demo-fast", "model.json"), "{");
    await expect(find("demo-fast")).rejects.toMatchObject({ code: "GST_MODEL_UNKNOWN" });
  });

  it("makes a synthetic model that loads and recognises something", async () => {
    await makeSyntheticModel({
      baseDir,
      pointwise: true,
      size: { ...GIGAAM_SIZE, layers: 1, width: 64, heads: 4, feedForward: 128, vocabulary: 300 },
    });
    const bundle = await find("synthetic-gigaam");
    await verifyBundle(bundle);
    const report = await compare(bundle, bundle);
    expect(report).toMatchObject({ windows: 4, identicalWindows: 4, tokenEdits: 0 });
  });
});

interface Report {
  readonly windows: number;
  readonly tokens: number;
  readonly tokenEdits: number;
  readonly identicalWindows: number;
}

function compare(reference: ModelBundle, candidate: ModelBundle): Promise<Report> {
  const child = fork(entryFile("engine/compare-main"), { serialization: "advanced" });
  const audioPaths = ["dev_espeak_00", "dev_espeak_07", "dev_festival_03", "dev_festival_10"].map((clip) =>
    join(evalDir, `${clip}.wav`),
  );
  child.send({ type: "compare", reference, candidate, audioPaths, threads: 1 });
  return new Promise((resolve, reject) => {
    child.once("message", (message: { type: string; report: Report; message?: string }) => {
      if (message.type === "compared") resolve(message.report);
      else reject(new Error(message.message));
    });
    child.once("exit", (code) => reject(new Error(`exit ${code}`)));
  });
}
