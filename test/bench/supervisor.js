// What the supervisor costs and what its operations cost a client: memory and processor time while idle, `gigastt status`
// including Node's start, the longest wait of a request during hand-overs, the drain, the time back after kill -9. Memory
// at its highest as well, and once more with the history in a Redis of its own, where one is installed.
// BENCH_IDLE_SECONDS (default 60), BENCH_SWAPS (default 5).
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { callControl } from "../../dist/supervisor/control/client.js";
import { atMost, report } from "./_lib.js";

const IDLE_S = Number(process.env["BENCH_IDLE_SECONDS"] ?? 60);
const SWAPS = Number(process.env["BENCH_SWAPS"] ?? 5);
const cli = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-"));
const stateDir = join(dir, "state");
const env = { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, "data") };
const gigastt = (...args) =>
  promisify(execFile)(process.execPath, [cli, ...args, "--state-dir", stateDir], { cwd: dir, env });
const control = (cmd) => callControl({ socket: join(stateDir, "control.sock"), cmd, timeoutMs: 60_000 });
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));
const configFile = join(dir, "gigastt.config.yaml");
const plainConfig = "server:\n  port: 0\nshutdown:\n  drain: 2s\n";
/** The same 75 MB that the promise speaks of: millions of bytes. */
const MEMORY = atMost(75);

try {
  if (["redis-server", "valkey-server"].some((name) => spawnSync(name, ["--version"]).status === 0)) {
    writeFileSync(configFile, `${plainConfig}supervisor:\n  history: redis\n  redis:\n    managed: true\n`);
    await gigastt("up", "--detach");
    const { supervisor, processes } = await control("status");
    if (processes.find(({ name }) => name === "redis")?.state !== "ready") throw new Error("Redis does not run");
    await idle("supervisor with Redis", supervisor.pid);
    await gigastt("down");
  } else console.log("no redis-server here: the memory with a history in Redis is not measured");

  writeFileSync(configFile, plainConfig);
  const url = /http:\/\/[^\s,]+/.exec((await gigastt("up", "--detach")).stdout)[0];
  const { supervisor } = await control("status");
  await idle("supervisor", supervisor.pid);

  const timed = async (...args) => {
    const began = performance.now();
    await promisify(execFile)(process.execPath, args, { cwd: dir, env });
    return performance.now() - began;
  };
  const bare = [];
  const status = [];
  for (let i = 0; i < 10; i++) {
    bare.push(await timed("-e", "0"));
    status.push(await timed(cli, "status", "--state-dir", stateDir));
  }
  report("node -e 0, fastest of 10", Math.min(...bare), "ms");
  report("gigastt status with Node's start, fastest of 10", Math.min(...status), "ms", atMost(250));
  report("gigastt status with Node's start, median of 10", median(status), "ms");

  const waits = [];
  const failed = [];
  const restartMs = [];
  const drainMs = [];
  const enough = new AbortController();
  const asking = (async () => {
    const pending = [];
    while (!enough.signal.aborted) {
      pending.push(
        health(url).then(
          (ms) => waits.push(ms),
          (error) => failed.push(error.message),
        ),
      );
      await sleep(20);
    }
    await Promise.all(pending);
  })();
  for (let i = 0; i < SWAPS; i++) {
    const began = performance.now();
    let servesAt = began;
    await callControl({
      socket: join(stateDir, "control.sock"),
      cmd: "restart",
      timeoutMs: 60_000,
      onEvent: ({ progress }) => {
        if (progress?.includes("drains")) servesAt = performance.now();
      },
    });
    restartMs.push(servesAt - began);
    drainMs.push(performance.now() - servesAt);
  }
  enough.abort();
  await asking;
  report(`${SWAPS} hand-overs, ${waits.length} requests at 50/s: failed`, failed.length, "", atMost(0));
  report("hand-over: longest wait of a request", Math.max(...waits), "ms");
  report("hand-over: median wait of a request", median(waits), "ms");
  report("hand-over: until the new runtime serves, median", median(restartMs), "ms");
  report("hand-over: drain of the old one without sessions, median", median(drainMs), "ms");

  const backMs = [];
  const aroundMs = [];
  for (let i = 0; i < 3; i++) {
    const { processes } = await control("status");
    const began = performance.now();
    process.kill(processes[0].pid, "SIGKILL");
    await health(url);
    let now = await control("status");
    while (now.processes[0].state !== "ready" || now.processes[0].pid === processes[0].pid) {
      await sleep(20);
      now = await control("status");
    }
    const tookMs = performance.now() - began;
    backMs.push(tookMs);
    aroundMs.push(tookMs - modelLoadMs());
  }
  report("kill -9 of the runtime: ready again, median of 3", median(backMs), "ms");
  // The back-off doubles with every kill: the first is what the promise speaks of.
  report("kill -9: ready again without the model's load, first", aroundMs[0], "ms", atMost(2000));
  report("supervisor, highest memory of all this", megabytes(supervisor.pid, "VmHWM"), "MB", MEMORY);
} finally {
  await gigastt("down", "--now").catch(() => {});
  rmSync(dir, { recursive: true, force: true });
}

/** Milliseconds until /health answered 200 on a connection of its own. */
function health(url) {
  const began = performance.now();
  return new Promise((resolve, reject) => {
    http
      .get(`${url}/health`, { agent: false }, (response) => {
        response.resume();
        response.once("end", () => {
          if (response.statusCode === 200) resolve(performance.now() - began);
          else reject(new Error(`status ${response.statusCode}`));
        });
      })
      .once("error", reject);
  });
}

function processorSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Costs of a supervisor that has nothing to do; the highest memory is that of the start. */
async function idle(what, pid) {
  await sleep(2000);
  const before = processorSeconds(pid);
  const startedMs = performance.now();
  await sleep(IDLE_S * 1000);
  const used = (processorSeconds(pid) - before) / ((performance.now() - startedMs) / 1000);
  report(`${what}, ${IDLE_S} s idle: processor`, 100 * used, "% of a core", atMost(0.5));
  report(`${what}, idle: resident memory`, megabytes(pid, "VmRSS"), "MB", MEMORY);
  report(`${what}: highest memory so far`, megabytes(pid, "VmHWM"), "MB", MEMORY);
}

/** @param field of /proc/PID/status */
function megabytes(pid, field) {
  return (
    (Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024) /
    1e6
  );
}

/** Reading, verifying and warming the model: from the line "listening" to the line "ready" of the last start. */
function modelLoadMs() {
  const lines = readFileSync(join(stateDir, "logs", "runtime.log"), "utf8").split("\n");
  const at = (event) => Date.parse(JSON.parse(lines.findLast((text) => text.includes(`"${event}"`))).time);
  return at("ready") - at("listening");
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
