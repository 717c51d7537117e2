import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeFile, writeLocalManifest } from "../../src/models/local.ts";
import { writeOnnx } from "../../src/models/onnx/write.ts";
import { parseRegistry } from "../../src/models/registry-guard.ts";
import { conformerEncoder, GIGAAM_SIZE } from "../../src/models/synthetic/conformer.ts";
import { makeSyntheticModel, SYNTHETIC_ID } from "../../src/models/synthetic/synthetic-model.ts";
import { depth } from "../support/fuzz.ts";
import { spawnLeashed } from "../support/leash.ts";
import { createMemoryLimit, memoryLimitProblem } from "../support/memory-limit.ts";
import { makePublishedModel } from "../support/published-form.js";
import { writeReport } from "../support/reports.ts";
import { wavOf, evalClips } from "../e2e/runtime/harness.ts";

// What a graph of GigaAM's size does in how much memory. Each cell is a control group in which the kernel kills what takes too much.

const PROGRAM = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const AUDIO_S = 60;
type Form = "int8" | "int8, `models optimize`" | "fp32";
const OPTIMIZED: Form = "int8, `models optimize`";
interface Cell {
  readonly form: Form;
  readonly workers: number;
  readonly mib: number;
}
const ALL: readonly Cell[] = (["int8", OPTIMIZED, "fp32"] as const).flatMap((form) =>
  [1, 2].flatMap((workers) => [512, 1024, 2048].map((mib) => ({ form, workers, mib }))),
);
/** One that is refused, one that runs. */
const FEW: readonly Cell[] = [
  { form: "int8", workers: 2, mib: 512 },
  { form: "int8", workers: 1, mib: 1024 },
];
const cells = depth === "full" ? ALL : FEW;
const problem = memoryLimitProblem();

let base = "";
const models = new Map<Form, string>();
const made = new Map<string, string>();

beforeAll(async () => {
  if (problem !== undefined) return;
  base = mkdtempSync(join(tmpdir(), "gigastt-memory-"));
  for (const form of new Set(cells.map((cell) => cell.form))) models.set(form, await makeModel(form));
}, 900_000);

afterAll(async () => {
  if (base !== "") await rm(base, { recursive: true, force: true });
  if (problem !== undefined) return;
  const row = (form: Form, workers: number): string => {
    const found = [512, 1024, 2048].map((mib) => made.get(nameOf({ form, workers, mib })) ?? "not run");
    return `| ${form} | ${workers} | ${found.join(" | ")} |`;
  };
  writeReport("memory", [
    "# What fits into how much memory",
    "",
    `A graph of GigaAM v3's size, ${AUDIO_S} s of audio to every worker at once, each cell in a control group of that size without swap. *First*: no optimized copy exists, and the published int8 form is rewritten beside the`,
    "first answers where there is room. *Later*: with the copies of a start elsewhere. MiB: the most that its processes held of their own, without pages of mapped files.",
    `Node ${process.version}, ${cpus()[0]?.model ?? "unknown processor"}.`,
    "",
    "| weights | workers | 512 MiB | 1 GiB | 2 GiB |",
    "|---|---|---|---|---|",
    ...(["int8", OPTIMIZED, "fp32"] as const).flatMap((form) => [row(form, 1), row(form, 2)]),
  ]);
});

it.skipIf(problem !== undefined).each(cells.map((cell) => [nameOf(cell), cell] as const))(
  `%s: runs, or is refused at the start with the cure; the kernel kills nothing${problem === undefined ? "" : ` (skipped: ${problem})`}`,
  { timeout: 1_500_000 },
  async (name, cell) => {
    const first = await tryCell(cell, join(base, "cache-empty"));
    const copies = join(base, "cache-copies", slugOf(cell.form));
    execFileSync("cp", ["-al", await copiesOf(cell.form), copies]);
    const later = await tryCell(cell, copies);
    for (const dir of [join(base, "cache-empty"), copies]) rmSync(dir, { recursive: true, force: true });
    made.set(name, `first: ${first}; later: ${later}`);
    process.stdout.write(`memory: ${name}: ${made.get(name)}\n`);
  },
);

// ---

function nameOf({ form, workers, mib }: Cell): string {
  return `${form}, ${workers} workers, ${mib} MiB`;
}

function slugOf(form: Form): string {
  return form.replaceAll(/\W+/g, "-");
}

async function makeModel(form: Form): Promise<string> {
  const baseDir = join(base, slugOf(form));
  mkdirSync(baseDir);
  if (form === "int8") await makePublishedModel({ baseDir, size: GIGAAM_SIZE });
  else await makeSyntheticModel({ baseDir, pointwise: true });
  if (form !== "fp32") return baseDir;
  const dir = join(baseDir, SYNTHETIC_ID);
  const file = join(dir, "model.json");
  const entry = (await parseRegistry(readFileSync(file, "utf8"), file)).models[0]!; // it was just written
  const int8 = entry.precisions.int8!; // its only one
  await writeOnnx(join(dir, "encoder.onnx"), conformerEncoder(GIGAAM_SIZE));
  await writeLocalManifest(dir, {
    ...entry,
    files: [await describeFile(dir, "encoder.onnx"), ...entry.files.filter(({ name }) => name !== int8.encoder)],
    precisions: { fp32: { ...int8, encoder: "encoder.onnx", memoryBytes: 1_800_000_000 } },
  });
  await rm(join(dir, int8.encoder));
  return baseDir;
}

const copies = new Map<Form, Promise<string>>();

/** The folder that a start without a limit leaves. */
async function copiesOf(form: Form): Promise<string> {
  const found =
    copies.get(form) ??
    (async () => {
      const dir = join(base, `cache-of-${slugOf(form)}`);
      mkdirSync(join(base, "cache-copies"), { recursive: true });
      await tryCell({ form, workers: 1, mib: 8192 }, dir);
      return dir;
    })();
  copies.set(form, found);
  return found;
}

/** Starts the server in so much memory and has it read. Returns what came of it; throws when something was killed. */
async function tryCell({ form, workers, mib }: Cell, cacheHome: string): Promise<string> {
  const limit = createMemoryLimit();
  const [command = "", ...before] = limit.command(mib * 2 ** 20);
  const precision = form === "fp32" ? "fp32" : "int8";
  const settings = [
    `model.dir=${models.get(form)}`,
    `model.id=${SYNTHETIC_ID}`,
    `model.precision=${precision}`,
    `engine.workers=${workers}`,
    "engine.threads=1",
    "server.port=0",
    "model.loadTimeout=10m",
    `pool.size=${workers}`,
  ].flatMap((setting) => ["--set", setting]);
  mkdirSync(cacheHome, { recursive: true });
  const leashed = spawnLeashed(command, [...before, process.execPath, PROGRAM, "serve", ...settings], {
    cwd: cacheHome,
    env: { ...process.env, XDG_CACHE_HOME: cacheHome, XDG_STATE_HOME: join(cacheHome, "state"), NO_COLOR: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { child } = leashed;
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (data: Buffer) => (said += data.toString()));
  let most = 0;
  const sampling = setInterval(() => (most = Math.max(most, limit.ownBytes())), 50);
  try {
    const isGone = (): boolean => child.exitCode !== null || child.signalCode !== null;
    while (!isGone() && !said.includes('"event":"ready"')) await sleep(100);
    if (isGone()) {
      await sleep(100);
      expect([child.exitCode, child.signalCode, limit.kills(), said]).toEqual([
        2,
        null,
        0,
        expect.stringMatching(
          /GST_MODEL_MEMORY[\s\S]*(?:Set engine\.workers: 1|models quantize|smaller model).*or allow \d+ MiB/,
        ),
      ]);
      return "refused";
    }
    const port = /"port":(\d+)[^\n]*"event":"listening"/.exec(said)?.[1];
    const url = `http://127.0.0.1:${port}`;
    await readAtOnce(url, workers);
    const formOf = async (): Promise<unknown> =>
      ((await (await fetch(`${url}/health`)).json()) as { encoder_form?: string }).encoder_form; // the wire protocol
    while ((await formOf()) === "rewriting" && !/"event":"encoder_not_rewritten"/.test(said)) await sleep(500);
    await readAtOnce(url, workers);
    expect([limit.kills(), isGone()]).toEqual([0, false]);
    return `${Math.round(most / 2 ** 20)}${(await formOf()) === "rewritten" ? ", rewritten" : ""}`;
  } catch (error) {
    throw new Error(
      `${nameOf({ form, workers, mib })}: ${String(error)}; kills: ${limit.kills()}\n${said.slice(-2000)}`,
      { cause: error },
    );
  } finally {
    clearInterval(sampling);
    await leashed.stop(20_000);
    await limit.remove();
  }
}

async function readAtOnce(url: string, workers: number): Promise<void> {
  const pcm = Buffer.concat(evalClips(20).map((clip) => clip.pcm)).subarray(0, AUDIO_S * 32_000);
  const answers = Array.from({ length: workers }, async () => {
    const answer = await fetch(`${url}/v1/transcribe`, { method: "POST", body: new Uint8Array(wavOf(pcm)) });
    return [answer.status, (await answer.text()).slice(0, 200)];
  });
  for (const answer of await Promise.all(answers)) expect(answer).toEqual([200, expect.any(String)]);
}
