import { chmodSync, truncateSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { defaultRegistryWith } from "./default-registry.ts";
import { locateModel } from "../../../src/models/locate.ts";
import { modelsDir, optimizedDir } from "../../../src/models/paths.ts";
import { loadRegistry } from "../../../src/models/registry.ts";
import { install, isFp32, isInt8, makeModel, temporaryDir } from "./helpers.ts";

const auto = { id: "auto", precision: "auto" } as const;

describe("auto", () => {
  test("takes the bundled demo with a plain notice when nothing is installed", async () => {
    const bundle = await locateModel({ ...auto, dir: temporaryDir() }, { env: {} });
    expect(bundle.id).toBe("demo-ru-rnnt");
    expect(bundle.precision).toBe("int8");
    expect(bundle.encoderPath).toMatch(/models\/demo_ru_rnnt\/demo_ru_rnnt_encoder\.int8\.onnx$/);
    expect(bundle.notice).toBe(
      'The bundled demo model is in use because GigaAM v3 e2e RNN-T is not installed; it recognises only household commands, numbers and dates. Run "gigastt models pull" and restart.',
    );
  });

  test("takes the downloaded model without a notice when it is complete, int8 before fp32", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny"));
    const bundle = await locateModel({ ...auto, dir }, { env: {}, registry });
    expect(bundle).toMatchObject({ id: "tiny", precision: "int8", notice: undefined });
    expect(bundle.vocabPath).toBe(join(dir, "tiny", "tiny_vocab.txt"));
    expect(bundle.files.map(({ name }) => name)).toEqual([
      "tiny_encoder.int8.onnx",
      "tiny_decoder.int8.onnx",
      "tiny_joint.int8.onnx",
      "tiny_vocab.txt",
    ]);
  });

  test("takes fp32 when only fp32 is installed", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny"), isFp32);
    expect(await locateModel({ ...auto, dir }, { env: {}, registry })).toMatchObject({ id: "tiny", precision: "fp32" });
  });

  test("says that the model is incomplete when a file is missing or cut short, without a path", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny"), isInt8);
    truncateSync(join(dir, "tiny", "tiny_joint.int8.onnx"), 10);
    const bundle = await locateModel({ ...auto, dir }, { env: {}, registry });
    expect(bundle.id).toBe("demo-ru-rnnt");
    expect(bundle.notice).toContain("Tiny is incomplete (1 of 4 files missing or cut short)");
    expect(bundle.notice).not.toContain(dir);
  });

  test("says so when only the other precision is installed", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny"), isInt8);
    const bundle = await locateModel({ id: "auto", precision: "fp32", dir }, { env: {}, registry });
    expect(bundle).toMatchObject({ id: "demo-ru-rnnt", precision: "fp32" });
    expect(bundle.notice).toContain("Tiny is installed as int8 only and model.precision asks for fp32");
    expect(bundle.notice).toContain('"gigastt models pull --precision fp32"');
  });

  test("finds files that lie right in the models' folder, as the Rust server keeps them", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, dir, isFp32);
    const bundle = await locateModel({ ...auto, dir }, { env: {}, registry });
    expect(bundle.encoderPath).toBe(join(dir, "tiny_encoder.onnx"));
  });

  test("does not take a lone vocabulary for an incomplete model", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny"), (name) => name.endsWith(".txt"));
    expect((await locateModel({ ...auto, dir }, { env: {}, registry })).notice).toContain("Tiny is not installed");
  });

  test("does not take a folder in the place of a file for the file", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny", "tiny_encoder.int8.onnx"));
    expect((await locateModel({ ...auto, dir }, { env: {}, registry })).id).toBe("demo-ru-rnnt");
  });
});

describe("an id", () => {
  test("of a model that is not installed is refused with the command that installs it", async () => {
    const dir = temporaryDir();
    await expect(locateModel({ id: "gigaam-v3-e2e-rnnt", precision: "fp32", dir }, { env: {} })).rejects.toThrow(
      `the model gigaam-v3-e2e-rnnt (fp32) is not installed in ${dir}/gigaam-v3-e2e-rnnt. Run \`gigastt models pull gigaam-v3-e2e-rnnt --precision fp32\`.`,
    );
  });

  test("of an incomplete model is refused naming the file", async () => {
    const { model, registry } = await defaultRegistryWith();
    const dir = temporaryDir();
    install(model, join(dir, "tiny"), isInt8);
    rmSync(join(dir, "tiny", "tiny_decoder.int8.onnx"));
    await expect(locateModel({ id: "tiny", precision: "auto", dir }, { env: {}, registry })).rejects.toThrow(
      `the model tiny (int8) in ${dir}/tiny is incomplete: tiny_decoder.int8.onnx is missing. Run \`gigastt models pull tiny\`.`,
    );
    truncateSync(join(dir, "tiny", "tiny_encoder.int8.onnx"), 17);
    await expect(locateModel({ id: "tiny", precision: "int8", dir }, { env: {}, registry })).rejects.toThrow(
      "tiny_encoder.int8.onnx must have 5000 bytes, found 17. Run `gigastt models pull tiny --precision int8`.",
    );
  });

  test("that is unknown is a usage error", async () => {
    await expect(locateModel({ id: "whisper", precision: "auto", dir: temporaryDir() }, { env: {} })).rejects.toThrow(
      expect.objectContaining({ code: "GST_MODEL_UNKNOWN", exitCode: 2 }),
    );
  });

  test("with a precision that the model does not have is a usage error", async () => {
    const { entry } = makeModel();
    const { int8 } = entry.precisions;
    const onlyInt8 = { ...entry, precisions: int8 ? { int8 } : {} };
    await expect(
      locateModel(
        { id: "tiny", precision: "fp32", dir: temporaryDir() },
        { env: {}, registry: { version: 1, models: [onlyInt8] } },
      ),
    ).rejects.toThrow("model.precision must be one that tiny has (int8), found fp32. Set it to auto.");
  });

  const isRoot = process.getuid?.() === 0;
  test.skipIf(isRoot)(
    isRoot
      ? "in a folder without permission is refused with the cure (skipped: root may read everything)"
      : "in a folder without permission is refused with the cure",
    async () => {
      const { model, registry } = await defaultRegistryWith();
      const dir = temporaryDir();
      install(model, join(dir, "tiny"));
      chmodSync(join(dir, "tiny"), 0o000);
      await expect(
        locateModel({ ...auto, dir }, { env: {}, registry }).finally(() => chmodSync(join(dir, "tiny"), 0o755)),
      ).rejects.toThrow(/cannot be read \(EACCES\)\. Give the user/);
    },
  );
});

describe("the bundle hash", () => {
  test("is the same for the same files in any order and another for another file", async () => {
    const { bundleHash } = await import("../../../src/models/bundle.ts");
    const { files } = makeModel().entry;
    expect(bundleHash([...files].reverse())).toBe(bundleHash(files));
    expect(bundleHash(files.slice(1))).not.toBe(bundleHash(files));
  });

  test("is what sha256sum says of the sorted lines", async () => {
    const registry = await loadRegistry();
    const bundle = await locateModel({ id: "demo-ru-rnnt", precision: "int8", dir: undefined }, { env: {}, registry });
    const { createHash } = await import("node:crypto");
    const lines = bundle.files.map(({ sha256, name }) => `${sha256}  ${name}\n`).sort();
    expect(bundle.bundleHash).toBe(createHash("sha256").update(lines.join("")).digest("hex"));
  });
});

describe("the folder of the models", () => {
  test("is model.dir, else XDG_DATA_HOME, else ~/.local/share", () => {
    expect(modelsDir("/srv/models", { XDG_DATA_HOME: "/x", HOME: "/home/a" })).toBe("/srv/models");
    expect(modelsDir(undefined, { XDG_DATA_HOME: "/x", HOME: "/home/a" })).toBe("/x/gigastt/models");
    expect(modelsDir(undefined, { HOME: "/home/a" })).toBe("/home/a/.local/share/gigastt/models");
  });

  test("is another than that of the optimized copies: XDG_CACHE_HOME, else ~/.cache", () => {
    expect(optimizedDir({ XDG_CACHE_HOME: "/x", HOME: "/home/a" })).toBe("/x/gigastt/optimized");
    expect(optimizedDir({ XDG_CACHE_HOME: "cache", HOME: "/home/a" })).toBe("/home/a/.cache/gigastt/optimized");
  });

  test("ignores a relative XDG_DATA_HOME, as the specification says", () => {
    expect(modelsDir(undefined, { XDG_DATA_HOME: "data", HOME: "/home/a" })).toBe(
      "/home/a/.local/share/gigastt/models",
    );
  });
});
