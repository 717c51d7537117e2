import { execFile } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, expect, it } from "vitest";
import { openOnnx } from "../../../src/models/onnx/read.ts";
import { writeOnnx } from "../../../src/models/onnx/write.ts";
import { bundledModelsDir } from "../../../src/models/registry.ts";
import { publishedForm } from "../../support/published-form.js";
import { temporaryDir } from "../../unit/models/helpers.ts";
import { evalClips, startServe, stopAll } from "../runtime/harness.ts";
import type { Served } from "../runtime/harness.ts";
import { makeLocalModel } from "./local-model.ts";

afterEach(stopAll);

const gigastt = join(import.meta.dirname, "../../../bin/gigastt.js");
const clips = evalClips(3);

/** The demo encoder in the form of the published int8 file, with a comment that makes it as large as those that are rewritten. */
async function largePublishedEncoder(dir: string): Promise<Uint8Array> {
  const path = join(dir, "published.onnx");
  const source = await openOnnx(`${bundledModelsDir()}demo_ru_rnnt/demo_ru_rnnt_encoder.onnx`);
  const comment = { field: 6, bytes: new Uint8Array(33e6).fill(32) };
  await writeOnnx(path, { ...publishedForm(source), modelRest: [...source.modelRest, comment] });
  await source.close();
  const bytes = readFileSync(path);
  rmSync(path);
  return bytes;
}

const formOf = async ({ url }: Served): Promise<unknown> =>
  ((await (await fetch(`${url}/health`)).json()) as { encoder_form: unknown }).encoder_form; // our own server's
const read = async ({ url }: Served, wav: Uint8Array): Promise<{ status: number; text: string }> => {
  const response = await fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(wav) });
  return { status: response.status, text: ((await response.json()) as { text: string }).text };
};

it("a server rewrites its encoder while it answers, changes over without a refusal, starts with it the next time, and the commands say so", async () => {
  const dir = temporaryDir();
  const model = await makeLocalModel(join(dir, "models"), await largePublishedEncoder(dir));
  const cacheHome = join(dir, "cache");
  const copies = join(cacheHome, "gigastt/optimized");
  const config = `model: { id: mine, dir: ${model.dir} }\nengine: { workers: 2, threads: 1 }\nlog: { level: info }`;

  const served = await startServe(config, { cacheHome });
  const texts = new Set<string>();
  for (let form: unknown; form !== "rewritten"; form = await formOf(served)) {
    for (const answer of await Promise.all(clips.map(({ wav }) => read(served, wav)))) {
      expect(answer.status).toBe(200);
      texts.add(answer.text);
    }
  }
  expect(served.lines).toContainEqual(expect.objectContaining({ event: "model_loaded", encoder_form: "published" }));
  for (const { wav } of clips) texts.add((await read(served, wav)).text);
  // One text for each clip, in either form.
  expect(texts.size).toBe(clips.length);
  expect(served.lines).toContainEqual(expect.objectContaining({ event: "encoder_rewritten", windows: 4 }));
  served.process.kill("SIGTERM");
  expect(await served.exited).toEqual({ code: 0, signal: null });
  expect(readdirSync(copies)).toHaveLength(1);

  const again = await startServe(config, { cacheHome });
  expect(await formOf(again)).toBe("rewritten");
  expect(again.lines).toContainEqual(
    expect.objectContaining({ event: "model_loaded", encoder_form: "rewritten", encoder_from: "optimized copy" }),
  );

  const env = { ...process.env, XDG_CACHE_HOME: cacheHome, XDG_DATA_HOME: dir, XDG_STATE_HOME: dir };
  const options = { cwd: dir, env };
  const set = ["--set", `model.dir=${model.dir}`, "--set", "model.id=mine"];
  const { stdout } = await promisify(execFile)(process.execPath, [gigastt, "models", "list", ...set], options);
  expect(stdout).toMatch(/mine .* made here, encoder rewritten/);
}, 240_000);
