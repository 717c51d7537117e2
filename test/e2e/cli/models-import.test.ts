import { cp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { locateModel } from "../../../src/models/locate.ts";
import { CTC_ID, makeCtcModel } from "../../support/ctc-model.ts";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { FIXTURES, gigastt } from "./gigastt.ts";

const FLAGS = ["--id", "mine", "--license", "MIT", "--holder", "its authors"];

test("an imported CTC model is listed and transcribes; the same folder again is refused", async () => {
  const [source, dir] = [temporaryDir(), temporaryDir()];
  await makeCtcModel(source, "int8");
  const env = { GIGASTT_MODEL_DIR: dir };
  const imported = await gigastt(["models", "import", join(source, CTC_ID)], { env });
  expect(imported.stderr).toBe("");
  expect(imported.stdout).toContain(
    `imported ${CTC_ID} (int8, CTC) to ${dir}/${CTC_ID}\nlicence MIT, gigastt-appliance`,
  );
  expect((await gigastt(["models", "list"], { env })).stdout).toMatch(/ {3}demo-ru-ctc +int8 +.* made here/);
  const clip = join(FIXTURES, "eval/dev_espeak_00.wav");
  const said = await gigastt(["transcribe", clip, "--set", `model.id=${CTC_ID}`], { env });
  expect([said.code, said.stdout]).toEqual([0, expect.stringContaining("температуру пятьдесят пять")]);
  const again = await gigastt(["models", "import", join(source, CTC_ID)], { env });
  expect([again.code, again.stderr]).toEqual([2, expect.stringContaining("exists already")]);
});

test.each([
  [
    "a graph that is not a recogniser",
    async () => cp((await rnnt()).transducer!.decoderPath, at("model.onnx")),
    "GigaAM CTC model",
  ],
  ["text", () => writeFile(at("model.onnx"), "not a graph"), "could not be loaded"],
  ["a vocabulary of another model", async () => shorten(at("vocab.txt")), "the files belong to different models"],
])("%s is refused with a code and leaves nothing", async (_, spoil, saying) => {
  const source = temporaryDir();
  folder = join(source, CTC_ID);
  await makeCtcModel(source, "int8");
  await spoil();
  await rm(at("model.json"));
  const dir = temporaryDir();
  const { code, stderr } = await gigastt(["models", "import", folder, ...FLAGS], { env: { GIGASTT_MODEL_DIR: dir } });
  expect([code, stderr]).toEqual([1, expect.stringContaining(saying)]);
  expect(await readdir(dir)).toEqual([]);
});

// ---

let folder = "";
const at = (name: string): string => join(folder, name);
const rnnt = (): ReturnType<typeof locateModel> =>
  locateModel({ id: "demo-ru-rnnt", precision: "int8", dir: undefined }, { env: {} });

async function shorten(path: string): Promise<void> {
  const lines = (await readFile(path, "utf8")).trim().split("\n").slice(0, 100);
  await writeFile(path, `${lines.join("\n")}\n`);
}
