import { execFileSync } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { stageModel } from "../../../src/models/import.ts";
import type { ImportOptions } from "../../../src/models/import.ts";
import { locateModel } from "../../../src/models/locate.ts";
import { loadRegistry } from "../../../src/models/registry.ts";
import { CTC_ID, makeCtcModel } from "../../support/ctc-model.ts";
import { temporaryDir } from "./helpers.ts";

let made: string;
beforeAll(async () => {
  made = await mkdtemp(join(tmpdir(), "gigastt-import-"));
  await makeCtcModel(made, "fp32");
});
afterAll(() => rm(made, { recursive: true, force: true }));
const LICENSE = { name: "MIT", holder: "its authors" };

let from: string;
let baseDir: string;
beforeEach(async () => {
  from = join(temporaryDir(), "model");
  baseDir = temporaryDir();
  await cp(join(made, CTC_ID), from, { recursive: true });
});
async function stage(options: Partial<ImportOptions> = {}): ReturnType<typeof stageModel> {
  const registry = await loadRegistry();
  return stageModel({ from, baseDir, registry, frontEnd: registry.models[0]!.frontEnd, ...options });
}
const withoutManifest = { id: "mine", license: LICENSE, languages: ["ru", "kk"] };

test("a folder with a manifest keeps its id, licence, windows and front end", async () => {
  const staged = await stage();
  expect(await readdir(baseDir)).toEqual([expect.stringMatching(/^\.import-/)]);
  await staged.publish();
  expect((await readdir(join(baseDir, CTC_ID))).toSorted()).toEqual(["model.json", "model.onnx", "vocab.txt"]);
  const bundle = await locateModel({ id: CTC_ID, precision: "auto", dir: baseDir }, { env: {} });
  expect(bundle).toMatchObject({ precision: "fp32", languages: ["ru"], windows: { maxS: 8 } });
  expect(bundle.transducer).toBeUndefined();
  await expect(stage()).rejects.toThrow(`a model ${CTC_ID} exists already. Choose another one with --id NAME.`);
});

test("a folder without a manifest is read by the names of its files", async () => {
  await rm(join(from, "model.json"));
  expect((await stage(withoutManifest)).entry).toMatchObject({ id: "mine", license: LICENSE, languages: ["ru", "kk"] });
  const rnnt = await locateModel({ id: "demo-ru-rnnt", precision: "int8", dir: undefined }, { env: {} });
  await rm(from, { recursive: true });
  await mkdir(from);
  for (const path of [rnnt.encoderPath, rnnt.transducer!.decoderPath, rnnt.transducer!.jointPath, rnnt.vocabPath])
    await cp(path, join(from, path.split("/").at(-1)!));
  const { bundle } = await stage({ ...withoutManifest, id: "mine-too" });
  expect([bundle.precision, bundle.transducer !== undefined]).toEqual(["int8", true]);
});

test("a model of the registry is left to the command that knows its hashes", async () => {
  for (const [name, bytes] of [
    ["v3_ctc.int8.onnx", 224_721_181],
    ["v3_vocab.txt", 198],
  ] as const) {
    await writeFile(join(from, name), "");
    await truncate(join(from, name), bytes);
  }
  await expect(stage()).rejects.toThrow("Run `gigastt models pull gigaam-v3-ctc --precision int8 --from");
});

const inFolder = (name: string): string => join(from, name);
test.each<[string, () => Promise<unknown>, Partial<ImportOptions>, string, string]>([
  ["a byte was changed", async () => flip(inFolder("model.onnx")), {}, "GST_MODEL_CORRUPT", "must have the SHA-256"],
  [
    "the manifest is not JSON",
    () => writeFile(inFolder("model.json"), "{"),
    {},
    "GST_MODEL_REGISTRY",
    "it is not JSON",
  ],
  ["the manifest climbs out", () => edit('"vocab.txt"', '"../vocab.txt"'), {}, "GST_MODEL_REGISTRY", "name must be"],
  [
    "the manifest names a missing file",
    () => rm(inFolder("vocab.txt")),
    {},
    "GST_MODEL_IMPORT",
    "vocab.txt cannot be read",
  ],
  ["the id climbs out", async () => {}, { id: "../x" }, "GST_MODEL_IMPORT", "the model must have an id"],
  [
    "the id is of the registry",
    async () => {},
    { id: "demo-ru-rnnt" },
    "GST_MODEL_IMPORT",
    "demo-ru-rnnt exists already",
  ],
  ["it is no folder", async () => {}, { from: "/dev/null" }, "GST_MODEL_IMPORT", "cannot be read as a folder"],
  ["there are too many files", () => fill(300), {}, "GST_MODEL_IMPORT", "at most 200 entries"],
  ["no licence", bare, { ...withoutManifest, license: undefined }, "GST_MODEL_IMPORT", "--license NAME --holder NAME"],
  [
    "no vocabulary",
    async () => (await bare(), rm(inFolder("vocab.txt"))),
    withoutManifest,
    "GST_MODEL_IMPORT",
    "found none",
  ],
  [
    "two graphs",
    async () => (await bare(), cp(inFolder("model.onnx"), inFolder("b.onnx"))),
    withoutManifest,
    "GST_MODEL_IMPORT",
    "one .onnx file (CTC)",
  ],
  ["the vocabulary is a link", () => linked("/etc/passwd"), {}, "GST_MODEL_IMPORT", "it is a link"],
  ["the vocabulary is a device", () => linked("/dev/zero"), {}, "GST_MODEL_IMPORT", "it is a link"],
  [
    "the vocabulary is a folder",
    async () => (await rm(inFolder("vocab.txt")), mkdir(inFolder("vocab.txt"))),
    {},
    "GST_MODEL_IMPORT",
    "must be a plain file",
  ],
  [
    "the vocabulary is a pipe",
    async () => (await rm(inFolder("vocab.txt")), execFileSync("mkfifo", [inFolder("vocab.txt")])),
    {},
    "GST_MODEL_IMPORT",
    "must be a plain file",
  ],
  ["the graph is empty", () => truncate(inFolder("model.onnx"), 0), {}, "GST_MODEL_IMPORT", "must have 1 to"],
  ["the graph is huge", () => truncate(inFolder("model.onnx"), 2 ** 40), {}, "GST_MODEL_IMPORT", "must have 1 to"],
])("refused, and nothing is left, when %s", async (_, spoil, options, code, said) => {
  await spoil();
  const failure = await stage(options).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code, message: expect.stringContaining(said) });
  expect(await readdir(baseDir)).toEqual([]);
});

// ---

async function flip(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(path, bytes);
}
async function edit(before: string, after: string): Promise<void> {
  const text = await readFile(inFolder("model.json"), "utf8");
  await writeFile(inFolder("model.json"), text.replaceAll(before, after));
}
async function bare(): Promise<void> {
  await rm(inFolder("model.json"));
}
async function fill(count: number): Promise<void> {
  for (let n = 0; n < count; n++) await writeFile(inFolder(`f${n}`), "");
}
async function linked(target: string): Promise<void> {
  await rename(inFolder("vocab.txt"), inFolder("other"));
  await symlink(target, inFolder("vocab.txt"));
}

test("what a killed import left is removed by the next one, what a running one writes stays", async () => {
  await mkdir(join(baseDir, ".import-killed"));
  await writeFile(join(baseDir, ".import-killed", "model.onnx"), "half");
  const running = await stage();
  expect(await readdir(baseDir)).toEqual([expect.stringMatching(/^\.import-/)]);
  expect(await readdir(baseDir)).not.toContain(".import-killed");
  await stage({ ...withoutManifest, id: "second" });
  expect((await readdir(baseDir)).length).toBe(2);
  await running.publish();
  expect(await readdir(join(baseDir, CTC_ID))).not.toContain(".gigastt-pull.lock");
});
