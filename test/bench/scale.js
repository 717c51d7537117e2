// How many workers serve so many hours of audio a day, by simulation; `--check` compares it with four real workers on a real Redis.
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dayOfJobs, percentile, seeded, simulate } from "./_queue.js";

const SPEED = Number(process.env.SPEED ?? 10);
function table() {
  const workers = [1, 2, 4, 8, 16];
  process.stdout.write(`Audio recognised per second and worker: ${SPEED} s. Wait for the first window, p50 / p95.\n\n`);
  process.stdout.write(
    `| hours of audio a day | ${workers.map((n) => `${n}`).join(" | ")} |\n|---|${"---|".repeat(workers.length)}\n`,
  );
  for (const hours of [50, 100, 250, 500, 1000]) {
    const cells = workers.map((n) => {
      const { waitsS } = simulate({ jobs: dayOfJobs(hours, seeded(1)), workers: n, speed: SPEED, startS: 0.2 });
      return `${span(percentile(waitsS, 0.5))} / ${span(percentile(waitsS, 0.95))}`;
    });
    process.stdout.write(`| ${hours} | ${cells.join(" | ")} |\n`);
  }
}

function span(seconds) {
  if (seconds < 1) return "0 s";
  if (seconds < 120) return `${Math.round(seconds)} s`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

/**
 * Four processes take 120 jobs of two owners; a window takes a fixed time, as on a machine of fixed speed. What a job costs beside its windows is
 * measured first, with one process.
 */
async function check() {
  const { openRedisJobs } = await import("../../dist/store/jobs/redis/open.js");
  const dir = mkdtempSync(join(tmpdir(), "gigastt-scale-"));
  const url = join(dir, "r.sock");
  const settings = ["--port", "0", "--unixsocket", url, "--dir", dir, "--appendonly", "yes"];
  const redis = spawn("redis-server", settings, { stdio: "ignore" });
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const speed = 24 / (WINDOW_MS / 1000);
  const few = jobsOf(24);
  const alone = await run(openRedisJobs, { url, prefix: "alone", passwordFile: undefined, caFile: undefined }, few, 1);
  const startS = Math.max(0, alone.realS - simulate({ jobs: few, workers: 1, speed }).endS) / few.length;
  const jobs = jobsOf(120);
  const four = await run(openRedisJobs, { url, prefix: "four", passwordFile: undefined, caFile: undefined }, jobs, 4);
  redis.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
  const { endS } = simulate({ jobs, workers: 4, speed, startS });
  const off = Math.round(100 * (four.realS / endS - 1));
  process.stdout.write(
    `120 jobs, 4 workers, ${Math.round(startS * 1000)} ms a job: simulated ${endS.toFixed(1)} s, measured ${four.realS.toFixed(1)} s (${off} %); ${Math.round(four.submitsPerS)} submits a second\n`,
  );
  process.exit(Math.abs(off) <= 15 ? 0 : 1);
}

const WINDOW_MS = 400;

function jobsOf(count) {
  return Array.from({ length: count }, (_, k) => ({ atS: 0, owner: `owner-${k % 2}`, audioS: 24 * (1 + (k % 5)) }));
}

async function run(openRedisJobs, place, jobs, count) {
  const store = await openRedisJobs(place);
  const none = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay: 0, storedBytes: 0, allUnfinishedJobs: 0 };
  const retention = { audioMs: 0, failedAudioMs: 1e8, resultMs: 1e8 };
  const submitted = performance.now();
  for (const job of jobs) {
    const id = randomUUID();
    await store.begin({ id, owner: job.owner, priority: "normal", params: String(job.audioS), retention }, none);
    await store.submit(id, { parts: 1, bytes: 1, sha256: id }, none);
  }
  const submitsPerS = jobs.length / ((performance.now() - submitted) / 1000);
  const env = { ...process.env, JOB_PLACE: JSON.stringify(place), WINDOW_MS: String(WINDOW_MS) };
  const worker = new URL("_queue-worker.js", import.meta.url).pathname;
  const start = () => spawn(process.execPath, [worker], { env, stdio: ["ignore", "pipe", "inherit"] });
  const workers = Array.from({ length: count }, start);
  await Promise.all(workers.map((child) => new Promise((resolve) => child.stdout.once("data", resolve))));
  const started = performance.now();
  for (const child of workers) child.kill("SIGUSR2");
  while ((await store.list({ states: ["done"], limit: 1000 })).length < jobs.length) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const realS = (performance.now() - started) / 1000;
  for (const child of workers) child.kill("SIGKILL");
  await store.close();
  return { realS, submitsPerS };
}

if (process.argv.includes("--check")) await check();
else table();
