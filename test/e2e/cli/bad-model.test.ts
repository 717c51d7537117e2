import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { bundledModelsDir, loadRegistry } from "../../../src/models/registry.ts";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { type Ended, FIXTURES, gigastt } from "./gigastt.ts";

const CLIP = `${FIXTURES}eval/dev_espeak_01.wav`;
const ENCODER = "demo_ru_rnnt_encoder.int8.onnx";
const DECODER = "demo_ru_rnnt_decoder.onnx";
const JOINT = "demo_ru_rnnt_joint.onnx";
const VOCAB = "demo_ru_rnnt_vocab.txt";
const demo = (name: string): Buffer => readFileSync(`${bundledModelsDir()}demo_ru_rnnt/${name}`);

/** Files whose hashes are right but whose content is not a model: only loading can find out. */
describe("a model with right hashes", { timeout: 60_000 }, () => {
  test("and its own content works, as the control of the tests below", async () => {
    const { code, stdout } = await withModel({});
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Две тысячи/);
  });

  test("and a truncated encoder is refused without a stack", async () => {
    const { code, stderr } = await withModel({ [ENCODER]: demo(ENCODER).subarray(0, 1_000_000) });
    expectRefusal(code, stderr);
  });

  test("and text in the place of the joint is refused without a stack", async () => {
    const { code, stderr } = await withModel({ [JOINT]: Buffer.from("version https://git-lfs.github.com/spec/v1\n") });
    expectRefusal(code, stderr);
  });

  test("and the joint in the place of the decoder is refused without a stack", async () => {
    const { code, stderr } = await withModel({ [DECODER]: demo(JOINT) });
    expectRefusal(code, stderr);
  });

  test("and a vocabulary of another size is refused by the numbers", async () => {
    const lines = demo(VOCAB).toString("utf8").trim().split("\n");
    const short = [...lines.slice(0, 200), "<blk> 200", ""].join("\n");
    const { code, stderr } = await withModel({ [VOCAB]: Buffer.from(short) });
    expectRefusal(code, stderr);
    expect(stderr).toMatch(/vocabulary/);
  });

  test("and a vocabulary that is none is refused by its line", async () => {
    const { code, stderr } = await withModel({ [VOCAB]: Buffer.from("<html>\n") });
    expectRefusal(code, stderr);
    expect(stderr).toContain('line 1 is not "piece id"');
  });

  test("and another number of mel bins is refused", async () => {
    const { code, stderr } = await withModel({}, (entry) => ({
      ...entry,
      frontEnd: { ...entry.frontEnd, melBins: 80 },
    }));
    expectRefusal(code, stderr);
  });

  test("but a manifest of garbage is not a model at all", async () => {
    const dir = temporaryDir();
    mkdirSync(join(dir, "broken"));
    writeFileSync(join(dir, "broken", "model.json"), "{");
    const { code, stderr } = await gigastt(["transcribe", "--model", "broken", CLIP], {
      env: { GIGASTT_MODEL_DIR: dir },
    });
    expect(stderr).toContain('unknown model "broken"');
    expect(code).toBe(2);
  });
});

function expectRefusal(code: number | null, stderr: string): void {
  expect(stderr).toMatch(/^gigastt: /);
  expect(stderr).not.toMatch(/\bbug:|^\s+at /m);
  expect(stderr.trim().split("\n").length).toBeLessThanOrEqual(3);
  expect(code).toBe(1);
}

type Entry = Awaited<ReturnType<typeof loadRegistry>>["models"][number];

/** Recognises a clip with a local model made of the demo's files, some of them replaced. */
async function withModel(
  replaced: Readonly<Record<string, Buffer>>,
  change: (entry: Entry) => Entry = (entry) => entry,
): Promise<Ended> {
  const dir = temporaryDir();
  const { models } = await loadRegistry();
  const bundled = models.find(({ id }) => id === "demo-ru-rnnt");
  if (!bundled?.precisions.int8) throw new Error("the demo must be bundled");
  mkdirSync(join(dir, "mine"));
  const files = [ENCODER, DECODER, JOINT, VOCAB].map((name) => {
    const bytes = replaced[name] ?? demo(name);
    writeFileSync(join(dir, "mine", name), bytes);
    return { name, bytes: bytes.length, sha256: createHash("sha256").update(bytes).digest("hex") };
  });
  const entry = change({
    ...bundled,
    id: "mine",
    source: { kind: "local", madeFrom: "demo-ru-rnnt" },
    precisions: { int8: bundled.precisions.int8 },
    files,
  });
  writeFileSync(join(dir, "mine", "model.json"), JSON.stringify({ version: 1, models: [entry] }));
  return gigastt(["transcribe", "--model", "mine", CLIP], { env: { GIGASTT_MODEL_DIR: dir } });
}
