import {
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  appendFileSync,
  copyFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { createBundle } from "../../../src/models/bundle.ts";
import { locateModel } from "../../../src/models/locate.ts";
import type { ModelBundle } from "../../../src/models/manifest.ts";
import { verifyBundle, verifyFiles } from "../../../src/models/verify.ts";
import { install, makeModel, type MadeModel, temporaryDir } from "./helpers.ts";

const STAMP = ".gigastt-verified.json";

function installed(encoderBytes?: number): { dir: string; model: MadeModel; bundle: ModelBundle; encoder: string } {
  const model = makeModel(undefined, encoderBytes);
  const dir = temporaryDir();
  install(model, dir);
  const bundle = createBundle({ entry: model.entry, precision: "int8", dir });
  return { dir, model, bundle, encoder: bundle.encoderPath };
}

/** Which files were really read. */
async function hashed(bundle: ModelBundle, dir: string): Promise<string[]> {
  const verdicts = await verifyFiles(dir, bundle.files, { keepsStamp: true });
  return verdicts.flatMap((v) => (v.state === "ok" && !v.remembered ? [v.file.name] : []));
}

describe("a downloaded model", () => {
  test("is read whole the first time and remembered afterwards", async () => {
    const { bundle, dir } = installed();
    expect(await hashed(bundle, dir)).toHaveLength(4);
    expect(await hashed(bundle, dir)).toEqual([]);
  });

  test("is read whole again when asked", async () => {
    const { bundle, dir } = installed();
    await verifyBundle(bundle);
    const verdicts = await verifyFiles(dir, bundle.files, { keepsStamp: true, fresh: true });
    expect(verdicts.map((v) => v.state === "ok" && v.remembered)).toEqual([false, false, false, false]);
  });

  test("with a flipped bit is refused, naming the file, both hashes and the cure", async () => {
    const { bundle, encoder, model } = installed();
    const bytes = Buffer.from(model.content.get("tiny_encoder.int8.onnx")!);
    bytes[1000]! ^= 1;
    writeFileSync(encoder, bytes);
    await expect(verifyBundle(bundle)).rejects.toThrow(
      /^the model file .*tiny_encoder\.int8\.onnx must have SHA-256 [0-9a-f]{64}, found [0-9a-f]{64}\. Run `gigastt models pull tiny --precision int8`\.$/,
    );
    await expect(verifyBundle(bundle)).rejects.toMatchObject({ code: "GST_MODEL_CORRUPT", exitCode: 1 });
  });

  test("truncated or grown is refused without reading it", async () => {
    const { bundle, encoder } = installed();
    truncateSync(encoder, 4999);
    await expect(verifyBundle(bundle)).rejects.toThrow("must have 5000 bytes, found 4999.");
    appendFileSync(encoder, "xyz");
    await expect(verifyBundle(bundle)).rejects.toThrow("must have 5000 bytes, found 5002.");
  });

  test("with a missing file is refused", async () => {
    const { bundle, encoder } = installed();
    rmSync(encoder);
    await expect(verifyBundle(bundle)).rejects.toMatchObject({
      code: "GST_MODEL_MISSING",
      message: `the model file ${encoder} is missing. Run \`gigastt models pull tiny --precision int8\`.`,
    });
  });

  test("with a folder in the place of a file is refused", async () => {
    const { bundle, encoder } = installed();
    rmSync(encoder);
    install(makeModel(), encoder);
    await expect(verifyBundle(bundle)).rejects.toThrow(`the model file ${encoder} is not a regular file.`);
  });

  test("whose vocabulary belongs to another model is refused by its hash", async () => {
    const { bundle } = installed();
    writeFileSync(bundle.vocabPath, "▁a 0\n".padEnd(64, "\n"));
    await expect(verifyBundle(bundle)).rejects.toThrow(
      /tiny_vocab\.txt must have SHA-256|tiny_vocab\.txt must have 64 bytes/,
    );
  });

  test("changed in place after it was verified is read again, also with its old modification time restored", async () => {
    const { bundle, encoder, model } = installed();
    await verifyBundle(bundle);
    const { atime, mtime } = statSync(encoder);
    const bytes = Buffer.from(model.content.get("tiny_encoder.int8.onnx")!);
    bytes[0]! ^= 255;
    writeFileSync(encoder, bytes);
    utimesSync(encoder, atime, mtime);
    await expect(verifyBundle(bundle)).rejects.toThrow("must have SHA-256");
  });

  test("replaced by a renamed file after it was verified is read again", async () => {
    const { bundle, encoder, dir, model } = installed();
    await verifyBundle(bundle);
    writeFileSync(`${encoder}.new`, model.content.get("tiny_encoder.int8.onnx")!);
    renameSync(`${encoder}.new`, encoder);
    expect(await hashed(bundle, dir)).toEqual(["tiny_encoder.int8.onnx"]);
    writeFileSync(`${encoder}.new`, Buffer.alloc(5000));
    renameSync(`${encoder}.new`, encoder);
    await expect(verifyBundle(bundle)).rejects.toThrow("must have SHA-256");
  });

  test("is verified again with a stamp copied from another folder", async () => {
    const a = installed();
    await verifyBundle(a.bundle);
    const dir = temporaryDir();
    install(a.model, dir);
    copyFileSync(join(a.dir, STAMP), join(dir, STAMP));
    const bundle = createBundle({ entry: a.model.entry, precision: "int8", dir });
    expect(await hashed(bundle, dir)).toHaveLength(4);
  });

  test.each([
    ["nothing", ""],
    ["half a JSON text", '{"tiny_encoder.int8.onnx":'],
    ["null", "null"],
    ["a list", "[1,2]"],
    ["entries of a wrong shape", '{"tiny_encoder.int8.onnx":{"identity":{"bytes":5000},"sha256":1},"x":null}'],
    ["a prototype key", '{"__proto__":{"identity":{},"sha256":"x"},"constructor":{}}'],
  ])("with a stamp of %s is verified as if there were none", async (_what, garbage) => {
    const { bundle, dir } = installed();
    writeFileSync(join(dir, STAMP), garbage);
    expect(await hashed(bundle, dir)).toHaveLength(4);
    expect(await hashed(bundle, dir)).toEqual([]);
  });

  test("that fails forgets what it remembered of the bad file", async () => {
    const { bundle, dir, encoder } = installed();
    await verifyBundle(bundle);
    truncateSync(encoder, 1);
    await expect(verifyBundle(bundle)).rejects.toThrow();
    expect(readFileSync(join(dir, STAMP), "utf8")).not.toContain("tiny_encoder.int8.onnx");
  });

  test("is not verified further once the signal is aborted", async () => {
    const { bundle } = installed(8_000_000);
    const stop = new AbortController();
    const running = verifyBundle(bundle, { signal: stop.signal, onProgress: () => stop.abort(new Error("stopped")) });
    await expect(running).rejects.toThrow("stopped");
  });
});

describe("the bundled model", () => {
  test("verifies, and leaves no stamp in the installation", async () => {
    const bundle = await locateModel({ id: "demo-ru-rnnt", precision: "fp32", dir: undefined }, { env: {} });
    await verifyBundle(bundle);
    expect(() => statSync(join(bundle.encoderPath, "..", STAMP))).toThrow("ENOENT");
  });

  test("names the release as the cure when a file is damaged", async () => {
    const { model, dir } = installed();
    const entry = { ...model.entry, source: { kind: "bundled", folder: "x" } } as const;
    const bundle = createBundle({ entry, precision: "int8", dir });
    rmSync(bundle.transducer!.jointPath);
    await expect(verifyBundle(bundle)).rejects.toThrow("is missing. Restore it from the release.");
  });
});
