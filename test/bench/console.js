// What an open status page costs the server: processor time and memory of runtime and supervisor while the page's requests come as the page sends
// them, with charts and log open, against the same time without. The history holds a month. Both in turn, three times; the medians count.
// BENCH_CONSOLE_SECONDS (default 60) for each time.
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { callControl } from "../../dist/supervisor/control/client.js";
import { atMost, report } from "./_lib.js";

const SECONDS = Number(process.env["BENCH_CONSOLE_SECONDS"] ?? 60);
const ROUNDS = 3;
/** As `src/console` asks: path, and seconds between two questions. */
const ASKED = [
  ["/console/status", 2],
  ["/health", 30],
  ["/console/supervisor/history?range=30d", 60],
];
const LOG_EVERY_S = 5;
const cli = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-bench-console-"));
const stateDir = join(dir, "state");
const env = { ...process.env, HOME: dir, XDG_DATA_HOME: join(dir, "data") };
const gigastt = (...args) =>
  promisify(execFile)(process.execPath, [cli, ...args, "--state-dir", stateDir], { cwd: dir, env });
const ticksPerSecond = Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" }));

try {
  writeFileSync(join(dir, "gigastt.config.yaml"), "server:\n  port: 0\n");
  writeHistory();
  const url = /http:\/\/[^\s,]+/.exec((await gigastt("up", "--detach")).stdout)[0];
  const { supervisor, processes } = await callControl({
    socket: join(stateDir, "control.sock"),
    cmd: "status",
    timeoutMs: 10_000,
  });
  const pids = [processes[0].pid, supervisor.pid];
  // What the first look loads stays loaded: it is the same for every later one.
  await look(url, 10);
  await sleep(20_000);
  const without = [];
  const open = [];
  for (let round = 0; round < ROUNDS; round++) {
    without.push(await costOf(pids, () => sleep(SECONDS * 1000)));
    open.push(await costOf(pids, () => look(url, SECONDS)));
  }
  const median = (costs, figure) => costs.map((cost) => cost[figure]).sort((a, b) => a - b)[ROUNDS >> 1];
  const more = (figure) => median(open, figure) - median(without, figure);
  report("without a page: processor of runtime and supervisor", median(without, "percent"), "% of a core");
  report("with an open status page: processor", median(open, "percent"), "% of a core");
  report("an open status page costs", more("percent"), "% of a core", atMost(0.2));
  report("an open status page costs", more("megabytes"), "MB", atMost(2));
} finally {
  await gigastt("down", "--now").catch(() => {});
  rmSync(dir, { recursive: true, force: true });
}

async function look(url, seconds) {
  const until = performance.now() + seconds * 1000;
  const ask = async (path) => {
    const answer = await fetch(url + path);
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };
  const rounds = ASKED.map(async ([path, everyS]) => {
    while (performance.now() < until) {
      await ask(path);
      await sleep(Math.max(0, Math.min(everyS * 1000, until - performance.now())));
    }
  });
  const log = (async () => {
    let since = "";
    while (performance.now() < until) {
      const { lines } = await ask(`/console/supervisor/logs?level=info&since=${since}`);
      since = lines.at(-1)?.time ?? since;
      await sleep(Math.max(0, Math.min(LOG_EVERY_S * 1000, until - performance.now())));
    }
  })();
  await Promise.all([...rounds, log]);
}

/** Mean of the resident memory, looked at once a second: single moments depend on the collector. */
async function costOf(pids, act) {
  const processor = () => pids.reduce((sum, pid) => sum + processorSeconds(pid), 0);
  const before = processor();
  const began = performance.now();
  const seen = [];
  const watching = setInterval(() => seen.push(pids.reduce((sum, pid) => sum + megabytes(pid), 0)), 1000);
  await act();
  clearInterval(watching);
  const percent = (100 * (processor() - before)) / ((performance.now() - began) / 1000);
  return { percent, megabytes: seen.reduce((sum, value) => sum + value, 0) / seen.length };
}

function processorSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

function megabytes(pid) {
  return (Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) * 1024) / 1e6;
}

function writeHistory() {
  const folder = join(stateDir, "history", "spans");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (let day = 1; day <= 30; day++) {
    const start = Date.now() - day * 86_400_000;
    const spans = Array.from({ length: 48 }, (_, index) => ({
      at: new Date(start - (start % 86_400_000) + index * 1_800_000).toISOString(),
      sessions: index % 5,
      waiting: 0,
      requests: index,
      failures: 0,
      p95Ms: 400,
      realTimeFactor: 0.05,
      rssBytes: 400_000_000,
      restarts: 0,
    }));
    writeFileSync(join(folder, spans[0].at.slice(0, 10)), JSON.stringify(spans));
  }
}
