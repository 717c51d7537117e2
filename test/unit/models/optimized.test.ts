import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createOptimizedCache, findRewritten, OPTIMIZED_WEIGHTS } from "../../../src/models/optimized.ts";
import type { Comparison } from "../../../src/models/prepare/comparison.ts";
import type { OptimizedCache, OptimizedDraft, OptimizedKey } from "../../../src/models/optimized.ts";

const KEY: OptimizedKey = {
  encoder: { name: "encoder.onnx", bytes: 10, sha256: "a".repeat(64) },
  runtime: "1.30.0",
  processor: "avx2",
  form: "published",
};

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "gigastt-optimized-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return join(dir, ".optimized");
}

async function begin(cache: OptimizedCache): Promise<OptimizedDraft> {
  const begun = await cache.begin();
  if ("refused" in begun) throw new Error(begun.refused);
  return begun;
}

/** What an inference worker leaves in a draft. */
async function fill(dir: string, key = KEY, trial?: Comparison): Promise<string | undefined> {
  const draft = await begin(createOptimizedCache(dir, key));
  await writeFile(draft.graphPath, "graph");
  await writeFile(join(draft.graphPath, "..", OPTIMIZED_WEIGHTS), "weights");
  return draft.commit(trial);
}

test("a committed copy is found by its key and by no other", async () => {
  const dir = await folder();
  expect(await createOptimizedCache(dir, KEY).find()).toBeUndefined();
  const path = await fill(dir);
  expect(path).toMatch(/encoder\.onnx$/);
  expect(await createOptimizedCache(dir, KEY).find()).toBe(path);
  for (const other of [
    { runtime: "1.31.0" },
    { processor: "avx512" },
    { form: "rewritten" as const },
    { encoder: { ...KEY.encoder, sha256: "b".repeat(64) } },
  ]) {
    expect(await createOptimizedCache(dir, { ...KEY, ...other }).find()).toBeUndefined();
  }
});

test.each([
  ["changed weights", OPTIMIZED_WEIGHTS, "weighty"],
  ["shorter weights", OPTIMIZED_WEIGHTS, "w"],
  ["a changed graph", "encoder.onnx", "grape"],
  ["a list of files that is none", "entry.json", "{"],
  ["a list of other files", "entry.json", '{"files":[{"name":"../../secret","bytes":1,"sha256":""}]}'],
])("a copy with %s is removed and made again", async (_, name, text) => {
  const dir = await folder();
  const path = await fill(dir);
  await writeFile(join(path!, "..", name), text);
  expect(await createOptimizedCache(dir, KEY).find()).toBeUndefined();
  expect(await readdir(dir)).toEqual([]);
  expect(await fill(dir)).toBe(path);
});

test("a copy that a process was loading when it died is not tried again", async () => {
  const dir = await folder();
  const path = await fill(dir);
  const cache = createOptimizedCache(dir, KEY);
  await (
    await cache.tried()
  )();
  expect(await cache.find()).toBe(path);
  const other = spawn("sleep", ["60"]);
  onTestFinished(() => void other.kill("SIGKILL"));
  await writeFile(join(path!, "..", `loading-${other.pid}`), "");
  expect(await cache.find()).toBe(path);
  other.kill("SIGKILL");
  await once(other, "exit");
  expect(await cache.find()).toBeUndefined();
  expect(await readdir(dir)).toEqual([]);
});

test("the number of a dead process may be ours now", async () => {
  const dir = await folder();
  await fill(dir);
  await createOptimizedCache(dir, KEY).tried();
  expect(await createOptimizedCache(dir, KEY).find()).toBeUndefined();
});

test.each(["discard", "commit"] as const)("while one draft is written, no other is begun (until %s)", async (end) => {
  const dir = await folder();
  const cache = createOptimizedCache(dir, KEY);
  const draft = await begin(cache);
  expect(await cache.begin()).toEqual({ refused: expect.stringContaining("another process writes"), isBusy: true });
  await draft[end]();
  await (await begin(cache)).discard();
  expect(await readdir(dir)).toEqual([]);
});

/** A process that begins a draft and writes until it is killed. */
async function writer(dir: string, key: OptimizedKey): Promise<ChildProcess> {
  const module = new URL("../../../dist/models/optimized.js", import.meta.url);
  const program = `
    import { createOptimizedCache } from ${JSON.stringify(module)};
    import { writeFileSync } from "node:fs";
    const draft = await createOptimizedCache(${JSON.stringify(dir)}, ${JSON.stringify(key)}).begin();
    if (draft.graphPath) writeFileSync(draft.graphPath, "half a graph");
    console.log("begun");
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill("SIGKILL");
  await once(child, "exit");
}

const REWRITTEN: OptimizedKey = { ...KEY, form: "rewritten" };

test.each(["at work", "stopped"])("a rewriting whose process was killed (%s) is taken over at once", async (state) => {
  const dir = await folder();
  const child = await writer(dir, REWRITTEN);
  const cache = createOptimizedCache(dir, REWRITTEN);
  if (state === "stopped") child.kill("SIGSTOP");
  expect(await cache.begin()).toMatchObject({ isBusy: true });
  await kill(child);
  expect(await fill(dir, REWRITTEN)).toBeDefined();
  expect(await readdir(dir)).toHaveLength(1);
});

test("what ends three processes is not tried by a fourth, and takes no copy of the other form with it", async () => {
  const dir = await folder();
  for (let death = 0; death < 3; death++) await kill(await writer(dir, REWRITTEN));
  expect(await createOptimizedCache(dir, REWRITTEN).begin()).toEqual({
    refused: expect.stringContaining("a process ended while it wrote"),
    isBusy: false,
  });
  expect(await fill(dir)).toBeDefined();
});

test("a load that ended its process while it wrote a copy is not tried again", async () => {
  const dir = await folder();
  await kill(await writer(dir, KEY));
  expect(await createOptimizedCache(dir, KEY).begin()).toEqual({
    refused: expect.stringContaining("a process ended while it wrote"),
    isBusy: false,
  });
  expect(await fill(dir, REWRITTEN)).toBeDefined();
});

test("a copy that others may write is not used", async () => {
  const dir = await folder();
  const path = await fill(dir);
  await chmod(join(path!, ".."), 0o777);
  expect(await createOptimizedCache(dir, KEY).find()).toBeUndefined();
});

test("a draft that was not written, or whose copy is there already, leaves nothing behind", async () => {
  const dir = await folder();
  const empty = await begin(createOptimizedCache(dir, KEY));
  expect(await empty.commit()).toBeUndefined();
  const first = await fill(dir);
  expect(await fill(dir)).toBe(first);
  expect(await readdir(dir)).toHaveLength(1);
});

test("where the folder cannot be made, all goes on without", async () => {
  const dir = await folder();
  await writeFile(dir, "a file in the way");
  const cache = createOptimizedCache(dir, KEY);
  expect([await cache.find(), await cache.begin()]).toEqual([
    undefined,
    { refused: expect.stringContaining("cannot be written"), isBusy: false },
  ]);
});

test("a disk without room for the copy gets none", async () => {
  const huge = { ...KEY, encoder: { ...KEY.encoder, bytes: 1e18 } };
  const { begin } = createOptimizedCache(await folder(), huge);
  expect(await begin()).toEqual({ refused: expect.stringMatching(/must have .* free, found /), isBusy: false });
});

test("the rewritten form is listed with how it differs, until it is removed", async () => {
  const dir = await folder();
  const trial: Comparison = {
    windows: 4,
    audioS: 25,
    identicalWindows: 3,
    tokens: 100,
    tokenEdits: 1,
    referenceEncoderMs: 300,
    candidateEncoderMs: 100,
  };
  const { sha256 } = KEY.encoder;
  expect(await findRewritten(dir, sha256)).toBeUndefined();
  await fill(dir);
  expect(await findRewritten(dir, sha256)).toBeUndefined();
  const rewritten: OptimizedKey = { ...KEY, form: "rewritten" };
  await fill(dir, rewritten, trial);
  expect(await findRewritten(dir, sha256)).toEqual(trial);
  expect(await findRewritten(dir, "b".repeat(64))).toBeUndefined();
  await createOptimizedCache(dir, rewritten).remove();
  expect(await findRewritten(dir, sha256)).toBeUndefined();
  expect(await createOptimizedCache(dir, KEY).find()).toBeDefined();
});

test("the two copies used last stay, older ones and drafts of a dead process go", async () => {
  const dir = await folder();
  const keys = ["1", "2", "3"].map((runtime) => ({ ...KEY, runtime }));
  await fill(dir, keys[0]);
  await fill(dir, keys[1]);
  const stale = join(dir, ".new-published-0-dead");
  await mkdir(stale);
  for (const [path, hours] of [[stale, 2], ...(await entries(dir)).map((path) => [path, 1] as const)] as const) {
    const then = new Date(Date.now() - hours * 3_600_000);
    await utimes(path, then, then);
  }
  await createOptimizedCache(dir, keys[0]!).find();
  await fill(dir, keys[2]);
  const found = await Promise.all(keys.map((key) => createOptimizedCache(dir, key).find()));
  expect(found.map((path) => path !== undefined)).toEqual([true, false, true]);
  expect(await readdir(dir)).toHaveLength(2);
});

async function entries(dir: string): Promise<string[]> {
  const names = (await readdir(dir)).filter((name) => !name.startsWith("."));
  return names.map((name) => join(dir, name, "entry.json"));
}
