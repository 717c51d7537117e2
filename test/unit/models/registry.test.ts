import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GigasttError } from "../../../src/shared/errors.ts";
import { isPlainlyValid } from "../../../src/config/quick.ts";
import { validate } from "../../../src/config/problems/validate.ts";
import { registrySchema } from "../../../src/models/registry-schema.ts";
import { parseRegistry } from "../../../src/models/registry-guard.ts";
import { bundledModelsDir, findModel, loadRegistry } from "../../../src/models/registry.ts";
import { sha256OfFile } from "../../../src/models/verify.ts";
import { makeModel, temporaryDir } from "./helpers.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const text = readFileSync(`${bundledModelsDir()}registry.json`, "utf8");

type Json = { [key: string]: Json } & Json[] & string;

/** The registry with values put at places like `models[0].files[0].bytes`, as text; undefined removes the key. */
function changed(...edits: readonly (readonly [place: string, value: unknown])[]): string {
  const registry: Json = JSON.parse(text);
  for (const [place, value] of edits) {
    const steps = place.split(/[.[\]]+/).filter((step) => step !== "");
    const last = steps.pop() ?? "";
    const parent = steps.reduce<Json>((at, step) => at[step]!, registry);
    Object.assign(parent, { [last]: value });
  }
  return JSON.stringify(registry);
}

describe("the registry of the installation", () => {
  test("passes its guard and has GigaAM and the demo", async () => {
    const { models } = await loadRegistry();
    expect(models.map(({ id }) => id)).toEqual([
      "gigaam-v3-e2e-rnnt",
      "demo-ru-rnnt",
      "gigaam-v3-e2e-ctc",
      "gigaam-v3-ctc",
      "gigaam-multilingual-ctc",
    ]);
  });

  test("pins the revision in each download address", async () => {
    const { models } = await loadRegistry();
    for (const { id, source } of models.filter(({ source }) => source.kind === "download"))
      expect(source, id).toEqual({
        kind: "download",
        baseUrl: expect.stringMatching(/^https:\/\/huggingface\.co\/istupakov\/[a-z0-9-]+\/resolve\/[0-9a-f]{40}\/$/),
      });
  });

  test("says the licence and the languages of every model", async () => {
    for (const { id, license, languages } of (await loadRegistry()).models) {
      expect(license.name, id).toBe("MIT");
      expect(languages, id).toContain("ru");
    }
  });

  test("has the true hashes of the bundled files, the same as the manifest beside them", async () => {
    const { files, source } = findModel(await loadRegistry(), "demo-ru-rnnt");
    if (source.kind !== "bundled") throw new Error("the demo must be bundled");
    const dir = `${bundledModelsDir()}${source.folder}`;
    for (const file of files) expect(await sha256OfFile(`${dir}/${file.name}`)).toBe(file.sha256);
    const manifest: { files: { name: string }[] } = JSON.parse(readFileSync(`${dir}/manifest.json`, "utf8"));
    const byName = (a: { name: string }, b: { name: string }): number => a.name.localeCompare(b.name);
    expect([...files].sort(byName)).toEqual(manifest.files.sort(byName));
  });

  test("rounds the buffers of GigaAM through bfloat16 and not those of the demo", async () => {
    const { models } = await loadRegistry();
    expect(models.map(({ frontEnd }) => frontEnd.bfloat16Buffers)).toEqual([true, false, true, true, true]);
  });
});

describe("the guard of the registry", () => {
  test.each([
    ["a version other than 1", "version", 2, "version must be 1, found 2"],
    ["an unknown key", "models[0].extra", 1, "models[0].extra is not a known key (known here: id, name,"],
    ["no models", "models", [], "models must be a list of 1 to 1000 items, found an empty list"],
    ["a model that is no object", "models[1]", "demo", 'models[1] must be a section with keys, found "demo"'],
    ["an id twice", "models[1].id", "gigaam-v3-e2e-rnnt", "models must not repeat the id gigaam"],
    ["an id with a slash", "models[0].id", "../evil", "models[0].id must be lower-case letters and digits"],
    ["a file name that climbs out", "models[0].files[0].name", "../../etc/passwd", "files[0].name must be"],
    ["a file name with a backslash", "models[0].files[0].name", "a\\b", "files[0].name must be"],
    ["a hidden file name", "models[0].files[0].name", ".bashrc", "files[0].name must be"],
    ["a file name with a colon", "models[0].files[0].name", "c:x", "files[0].name must be"],
    ["a negative size", "models[0].files[0].bytes", -1, "files[0].bytes must be a whole number"],
    ["a size of 1e300", "models[0].files[0].bytes", 1e300, "files[0].bytes must be a whole number"],
    ["a fractional size", "models[0].files[0].bytes", 1.5, "files[0].bytes must be a whole number"],
    ["a short hash", "models[0].files[0].sha256", "abc", "files[0].sha256 must be"],
    ["an upper-case hash", "models[0].files[0].sha256", "A".repeat(64), "files[0].sha256 must be"],
    [
      "two files of one name",
      "models[0].files[1].name",
      "v3_e2e_rnnt_encoder.onnx",
      "files must not repeat the name v3_",
    ],
    ["an http address", "models[0].source.baseUrl", "http://x/", "source.baseUrl must be an https address"],
    ["an address with a password", "models[0].source.baseUrl", "https://u:p@x/", "source.baseUrl must be"],
    ["an address without a closing slash", "models[0].source.baseUrl", "https://x/y", "must end with a slash"],
    ["a source of unknown kind", "models[0].source.kind", "torrent", "must be one of download, bundled, local"],
    ["a bundled folder that climbs out", "models[1].source.folder", "../..", "source.folder must be"],
    ["a role without a file", "models[0].precisions.int8.joint", "no.onnx", "must name one of the model's files"],
    [
      "a joint without a decoder",
      "models[0].precisions.int8.decoder",
      undefined,
      "must have decoder and joint (RNN-T)",
    ],
    ["a language that is not known", "models[0].languages", ["ru", "xx"], "models[0].languages[1] must be one of"],
    ["no language", "models[0].languages", [], "languages must be a list of 1 to 20"],
    ["a file no precision uses", "models[0].precisions.fp32", undefined, "must all be used by a precision"],
    ["no precision", "models[0].precisions", {}, "must have int8 or fp32"],
    ["a hop longer than the window", "models[0].frontEnd.hopSamples", 999, "hopSamples must be at most windowSamples"],
    ["a front end that is null", "models[0].frontEnd", null, "frontEnd must be a section with keys, found nothing"],
    ["a flag that is a number", "models[0].frontEnd.bfloat16Buffers", 1, "must be true or false, found 1"],
    ["an address of a bundled model", "models[1].source.baseUrl", "https://x/", "kind bundled must have folder and"],
    ["a download without an address", "models[0].source", { kind: "download" }, "must have baseUrl and nothing else"],
    ["a frequency above half the rate", "models[0].frontEnd.maxHz", 20_000, "must be at most half of sampleRateHz"],
    ["a name with a line break", "models[0].name", "a\nb", "models[0].name must be"],
  ])("refuses %s", async (_what, place, value, message) => {
    const broken = changed([place, value]);
    await expect(parseRegistry(broken, "registry.json")).rejects.toThrow(message);
    await expect(parseRegistry(broken, "registry.json")).rejects.toThrow(/Restore the file from the release\.$/);
  });

  test("lists all problems at once, and stops listing at ten", async () => {
    const two = changed(["models[0].files[0].bytes", 0], ["models[1].id", ""]);
    await expect(parseRegistry(two, "r")).rejects.toThrow(/files\[0\]\.bytes .*; models\[1\]\.id /);
    const many = changed(
      ...[0, 1, 2, 3, 4, 5, 6].flatMap((i) => [
        [`models[0].files[${i}].bytes`, 0] as const,
        [`models[0].files[${i}].sha256`, ""] as const,
      ]),
    );
    await expect(parseRegistry(many, "r")).rejects.toThrow(/; and 4 more\. Restore/);
  });

  test.each([
    ["nothing", ""],
    ["half of the file", text.slice(0, text.length / 2)],
    ["HTML", "<!doctype html><title>404</title>"],
    ["zero bytes", "\0".repeat(100)],
    ["null", "null"],
    ["a list", "[]"],
    ["a nest of a hundred thousand lists", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["a prototype key", '{"version":1,"models":[{}],"__proto__":{"polluted":1}}'],
    ["two megabytes", JSON.stringify({ version: 1, models: ["x".repeat(2_000_000)] })],
  ])("refuses %s", async (_what, garbage) => {
    await expect(parseRegistry(garbage, "registry.json")).rejects.toThrow(GigasttError);
    await expect(parseRegistry(garbage, "registry.json")).rejects.toThrow(
      /^the model registry registry\.json cannot be used: /,
    );
  });

  test("gives a model or a GST_MODEL_REGISTRY for any JSON and any damaged registry", async () => {
    const mutate = fc.tuple(fc.nat(text.length - 1), fc.nat(5), fc.string({ maxLength: 3 })).map(([at, cut, put]) => {
      return text.slice(0, at) + put + text.slice(at + cut);
    });
    await fc.assert(
      fc.asyncProperty(fc.oneof(mutate, fc.json()), async (garbage) => {
        try {
          expect((await parseRegistry(garbage, "r")).models.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(GigasttError);
          expect(error).toMatchObject({ code: "GST_MODEL_REGISTRY" });
        }
      }),
      fuzzRuns(2000),
    );
  });

  test("the quick walk and ajv decide alike", () => {
    const junk = fc.oneof(fc.anything(), fc.constantFrom(null, "", 0, -1, 1.5, [], {}, "a", "../a", "https://x/"));
    const places = ["version", "models", "models[0].id", "models[0].license.url", "models[1].source"].concat(
      ["files[0].bytes", "files[0].name", "precisions", "frontEnd", "frontEnd.melBins", "windows"].map(
        (key) => `models[1].${key}`,
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...places), junk, (place, value) => {
        const raw: unknown = JSON.parse(changed([place, value]));
        expect(validate(raw, registrySchema).length === 0).toBe(isPlainlyValid(registrySchema, raw));
      }),
      fuzzRuns(2000),
    );
  });

  test("accepts what the helpers of these tests make", async () => {
    const registry = { version: 1, models: [makeModel().entry] };
    expect(await parseRegistry(JSON.stringify(registry), "r")).toEqual(registry);
  });
});

test("a registry that cannot be read names the file", async () => {
  const dir = temporaryDir();
  await expect(loadRegistry(`${dir}/none.json`)).rejects.toThrow(`the model registry ${dir}/none.json cannot be read`);
});

test("an unknown id is a usage error that lists the known ids", async () => {
  const registry = await loadRegistry();
  expect(() => findModel(registry, "gigaam")).toThrow(/unknown model "gigaam"\. .*gigaam-v3-e2e-rnnt/);
  expect(() => findModel(registry, "gigaam")).toThrow(expect.objectContaining({ exitCode: 2 }));
});
