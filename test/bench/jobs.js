// What jobs cost: submits a second, a commit beside 10 000 waiting jobs, a job against the synchronous route, an idle server, a takeover.
// Each part alone: `node test/bench/jobs.js submit|commit|overhead|idle|takeover`; all without an argument. `MARKDOWN=1` prints a report.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { machine, percentile, recording, toWav } from "./_lib.js";
import { openRedisJobs } from "../../dist/store/jobs/redis/open.js";
import { openJobsInThread } from "../../dist/store/jobs/store-thread.js";

const rows = [];
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-jobs-"));
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const say = (what, value, target) => {
  rows.push([what, value, target]);
  process.stderr.write(`${what}: ${value}${target === "" ? "" : ` (wanted: ${target})`}\n`);
};
const children = new Set();

// --- stores

const NONE = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay: 0, storedBytes: 0, allUnfinishedJobs: 0 };
const retention = { audioMs: 0, failedAudioMs: 1e8, resultMs: 1e8 };

async function startRedis() {
  const folder = mkdtempSync(join(dir, "redis-"));
  const url = join(folder, "r.sock");
  const settings = ["--port", "0", "--unixsocket", url, "--dir", folder, "--appendonly", "yes", "--save", ""];
  const child = spawn("redis-server", settings, { stdio: "ignore" });
  children.add(child);
  await pause(1000);
  return { url, prefix: "bench", passwordFile: undefined, caFile: undefined };
}

/** Both engines, each with an empty store. */
async function* engines() {
  const sqlite = await openJobsInThread(join(mkdtempSync(join(dir, "sqlite-")), "jobs.sqlite"));
  yield ["SQLite", sqlite];
  await sqlite.close();
  const redis = await openRedisJobs(await startRedis());
  yield ["Redis", redis];
  await redis.close();
}

async function submit(store, owner) {
  const id = randomUUID();
  await store.begin({ id, owner, priority: "normal", params: "", retention }, NONE);
  await store.submit(id, { parts: 1, bytes: 1, sha256: id }, NONE);
  return id;
}

async function fill(store, count, owners) {
  let left = count;
  const one = async () => {
    while (left > 0) await submit(store, `owner-${left-- % owners}`);
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

/** Eight clients at once; a submit is durable when it resolves. */
async function submits() {
  for await (const [name, store] of engines()) {
    await fill(store, 50, 10);
    const started = performance.now();
    await fill(store, 1000, 10);
    say(`submits a second, ${name}`, Math.round(1000 / ((performance.now() - started) / 1000)), "at least 100");
  }
}

/** A commit asks whether another owner is to go first: over all that wait. */
async function commits() {
  for await (const [name, store] of engines()) {
    await submit(store, "running");
    const turn = await store.claim("worker", "model", 0);
    let doneS = 0;
    const measure = async () => {
      const took = [];
      for (let n = 0; n < 200; n++) {
        doneS += 0.001;
        const started = performance.now();
        await store.commit(turn, { readings: ["window"], doneS, totalS: 1e6 });
        took.push(performance.now() - started);
      }
      return percentile(took, 0.5);
    };
    const few = await measure();
    await fill(store, 10_000, 100);
    const many = await measure();
    say(
      `commit alone and beside 10 000 waiting jobs of 100 owners, median ms, ${name}`,
      `${few.toFixed(2)}, ${many.toFixed(2)}`,
      "",
    );
  }
}

// --- servers

const bin = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function startServer(name, jobs) {
  const folder = join(dir, name);
  mkdirSync(folder, { recursive: true });
  const port = await freePort();
  const config = {
    server: { port },
    metrics: { enabled: true },
    log: { level: "warn" },
    pool: { size: 2 },
    limits: { body: "200MiB" },
    supervisor: { stateDir: join(folder, "state") },
    ...(jobs === undefined ? {} : { jobs: { enabled: true, ...jobs } }),
  };
  const file = join(folder, "gigastt.config.json");
  writeFileSync(file, JSON.stringify(config));
  const child = spawn(process.execPath, [bin, "serve", "--config", file], { stdio: ["ignore", "ignore", "inherit"] });
  children.add(child);
  const url = `http://127.0.0.1:${port}`;
  for (let n = 0; ; n++) {
    if ((await fetch(`${url}/ready`).catch(() => undefined))?.ok === true) break;
    if (n > 600) throw new Error(`${name} does not get ready`);
    await pause(100);
  }
  return { url, child };
}

async function ended(child) {
  children.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}

async function sendJob(url, wav) {
  const answer = await fetch(`${url}/v1/jobs`, { method: "POST", body: wav });
  if (answer.status !== 202) throw new Error(`${answer.status} ${await answer.text()}`);
  return (await answer.json()).job_id;
}

/** What the encoder has seen, windows that overlap and all. */
const encodedS = async (url) =>
  Number(/^gigastt_encoder_audio_seconds_total (\S+)/m.exec(await (await fetch(`${url}/metrics`)).text())[1]);

const jobOf = async (url, id) => (await fetch(`${url}/v1/jobs/${id}`)).json();

function speech(lengthS) {
  const parts = [];
  let count = 0;
  for (let seed = 1; count < lengthS * 16_000; seed++) {
    const { samples } = recording(seed);
    parts.push(samples);
    count += samples.length;
  }
  const all = new Float32Array(lengthS * 16_000);
  let at = 0;
  for (const part of parts) {
    const piece = part.subarray(0, all.length - at);
    all.set(piece, at);
    at += piece.length;
  }
  return toWav(all);
}

/** A 10-minute recording by both ways, in turns. The job ends with the event `done`, as its client learns of it. */
async function overhead() {
  const { url, child } = await startServer("overhead", {});
  const wav = speech(600);
  const waitForEnd = async (id) => {
    const events = await fetch(`${url}/v1/jobs/${id}/events`);
    for await (const chunk of events.body) if (Buffer.from(chunk).includes('"done"')) break;
  };
  const timed = async (work) => {
    const [started, ticks] = [performance.now(), ticksOf(child.pid)];
    await work();
    return [performance.now() - started, (ticksOf(child.pid) - ticks) / 100];
  };
  const bySync = () => timed(async () => (await fetch(`${url}/v1/transcribe`, { method: "POST", body: wav })).json());
  const byJob = () =>
    timed(async () => {
      const id = await sendJob(url, wav);
      await waitForEnd(id);
      await (await fetch(`${url}/v1/jobs/${id}/result`)).json();
    });
  await (await fetch(`${url}/v1/transcribe`, { method: "POST", body: speech(30) })).json();
  await waitForEnd(await sendJob(url, speech(30)));
  const pairs = [];
  for (let n = 0; n < Number(process.env.ROUNDS ?? 5); n++) {
    // Who is first changes: a load that grows must not decide.
    pairs.push(n % 2 === 0 ? [await bySync(), await byJob()] : [await byJob(), await bySync()].toReversed());
  }
  for (const [at, what, unit] of [
    [0, "wall time", 1000],
    [1, "processor time", 1],
  ]) {
    const more = percentile(
      pairs.map(([sync, job]) => job[at] / sync[at] - 1),
      0.5,
    );
    const shown = pairs.map(([sync, job]) => `${(sync[at] / unit).toFixed(1)} and ${(job[at] / unit).toFixed(1)} s`);
    say(
      `job against the synchronous route, 10 minutes of audio, ${what}, median of ${pairs.length} pairs`,
      `${more < 0 ? "" : "+"}${(100 * more).toFixed(1)} % (${shown.join("; ")})`,
      "at most +5 %",
    );
  }
  child.kill("SIGTERM");
  await ended(child);
}

const ticksOf = (pid) => {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return Number(fields[11]) + Number(fields[12]);
};
const pssMiB = (pid) => Number(/^Pss: +(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"))[1]) / 1024;
const ioOf = (pid) => {
  const text = readFileSync(`/proc/${pid}/io`, "utf8");
  return Number(/^write_bytes: (\d+)/m.exec(text)[1]);
};

/** Servers with and without jobs, side by side, doing nothing. */
async function idle() {
  const redis = await startRedis();
  const servers = [
    ["off", await startServer("idle-off", undefined)],
    ["SQLite", await startServer("idle-sqlite", {})],
    ["Redis", await startServer("idle-redis", { engine: "redis", redis: { url: redis.url } })],
  ];
  await pause(30_000);
  const minutes = Number(process.env.MINUTES ?? 3);
  const before = servers.map(([, { child }]) => [ticksOf(child.pid), ioOf(child.pid)]);
  await pause(minutes * 60_000);
  const after = servers.map(([, { child }]) => [ticksOf(child.pid), ioOf(child.pid), pssMiB(child.pid)]);
  const cpu = servers.map((_, n) => (after[n][0] - before[n][0]) / (minutes * 60));
  for (const n of [1, 2]) {
    const name = servers[n][0];
    say(`idle memory of the engine, ${name}, MiB`, (after[n][2] - after[0][2]).toFixed(1), "at most 15");
    say(`idle processor of the engine, ${name}, % of a core`, (cpu[n] - cpu[0]).toFixed(2), "at most 0.1");
    say(`idle bytes written to the disk a minute, ${name}`, Math.round((after[n][1] - before[n][1]) / minutes), "0");
  }
  for (const [, { child }] of servers) {
    child.kill("SIGTERM");
    await ended(child);
  }
}

/** A server with a running job is killed; another one has been up all the time (Redis), or begins at once (SQLite, as a supervisor does). */
async function takeover() {
  const wav = speech(150);
  for (const [name, wanted] of [
    ["SQLite", 40],
    ["Redis", 15],
  ]) {
    if (process.env.ENGINE !== undefined && process.env.ENGINE !== name) continue;
    const jobs =
      name === "SQLite"
        ? { dir: join(dir, "takeover-jobs") }
        : { engine: "redis", redis: { url: (await startRedis()).url }, dir: join(dir, "takeover-audio") };
    const first = await startServer(`takeover-${name}-1`, jobs);
    let second = name === "Redis" ? await startServer(`takeover-${name}-2`, { ...jobs, role: "worker" }) : undefined;
    if (second !== undefined) {
      // The job must be on the one that is killed.
      second.child.kill("SIGSTOP");
    }
    // Who reads is up before the kill: its start is no part of the takeover. On SQLite the one that goes on is started by the supervisor.
    let reader = name === "Redis" ? await startServer(`takeover-${name}-3`, { ...jobs, role: "api" }) : undefined;
    const id = await sendJob(first.url, wav);
    let seenS = 0;
    while (seenS < 48) {
      await pause(20);
      seenS = (await jobOf(first.url, id)).processed_seconds;
    }
    if (second !== undefined) second.child.kill("SIGCONT");
    const firstS = await encodedS(first.url);
    first.child.kill("SIGKILL");
    const killed = performance.now();
    await ended(first.child);
    second ??= await startServer(`takeover-${name}-2`, jobs);
    reader ??= second;
    let job;
    for (;;) {
      job = await jobOf(reader.url, id);
      if (job.attempts > 1) break;
      await pause(20);
    }
    const tookS = (performance.now() - killed) / 1000;
    while (job.status !== "done") {
      await pause(50);
      job = await jobOf(reader.url, id);
      if (job.status === "failed") throw new Error(JSON.stringify(job));
    }
    const againS = await encodedS(second.url);
    // Windows overlap: what an undisturbed run hears is measured on the same server.
    const whole = await sendJob(reader.url, wav);
    while ((await jobOf(reader.url, whole)).status !== "done") await pause(100);
    const wholeS = (await encodedS(second.url)) - againS;
    say(`takeover after a kill, ${name}, seconds`, tookS.toFixed(1), `at most ${wanted}`);
    say(
      `audio recognised twice after a kill, ${name}, seconds`,
      Math.max(0, firstS + againS - wholeS).toFixed(1),
      "at most one window, 24",
    );
    for (const server of new Set([second, reader])) {
      server.child.kill("SIGTERM");
      await ended(server.child);
    }
  }
}

// --- run

const PARTS = { submit: submits, commit: commits, overhead, idle, takeover };
const asked = process.argv.slice(2);
try {
  for (const [name, part] of Object.entries(PARTS)) if (asked.length === 0 || asked.includes(name)) await part();
} finally {
  for (const child of children) child.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
}
if (process.env.MARKDOWN === "1") {
  const line = (cells) => `| ${cells.join(" | ")} |\n`;
  process.stdout.write(line(["what", "measured", "wanted"]) + line(["---", "---", "---"]) + rows.map(line).join(""));
  const [one] = loadavg();
  process.stdout.write(`\n${machine()}, load at the end ${one.toFixed(1)}\n`);
}
