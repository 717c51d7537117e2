import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { FIXTURES, gigastt } from "./gigastt.ts";

const clips = JSON.parse(readFileSync(`${FIXTURES}eval/manifest.json`, "utf8")) as { file: string; text: string }[]; // our own fixture

test("bench --accuracy compares what the model hears with the texts beside the recordings, and reports what it cannot read", async () => {
  const dir = temporaryDir();
  mkdirSync(join(dir, "street"));
  for (const [n, { file, text }] of clips.slice(0, 2).entries()) {
    const folder = join(dir, n === 0 ? "" : "street");
    copyFileSync(`${FIXTURES}eval/${file}`, join(folder, `clip${n}.wav`));
    writeFileSync(join(folder, `clip${n}.txt`), n === 0 ? text : `${text} лишнее`);
  }
  writeFileSync(join(dir, "letter.wav"), "Dear Sir or Madam,\n".repeat(100));
  writeFileSync(join(dir, "letter.txt"), "раз");
  const args = ["bench", "--accuracy", dir, "--set", "model.id=demo-ru-rnnt", "--set", "model.precision=int8"];
  const json = await gigastt([...args, "--json"]);
  expect(json.code).toBe(1);
  expect(json.stderr).toMatch(/^gigastt: letter\.wav: .*text/m);
  const { models } = JSON.parse(json.stdout) as { models: Record<string, unknown>[] };
  expect(models).toHaveLength(1);
  expect(models[0]).toMatchObject({
    id: "demo-ru-rnnt",
    precision: "int8",
    overall: { recordings: 2 },
    byFolder: { "": { wordErrorRate: 0 }, street: { recordings: 1 } },
    recordings: [{ file: "clip0.wav", text: clips[0]!.text }, { file: "street/clip1.wav" }],
    failed: [{ file: "letter.wav", code: expect.any(String) }],
  });
  const table = await gigastt(args);
  expect(table.stdout).toMatch(/^demo-ru-rnnt int8\n/);
  expect(table.stdout).toMatch(/^ {2}street +1 +\d/m);
});
