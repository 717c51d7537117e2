// The engine's report: every benchmark that a requirement of the engine asks for, one after the other, each with a limit of time; then one
// row for each requirement. Writes test/bench/report.md and report.json.
//   npm run bench report -- [--quick] [--only streaming,longform] [--out FOLDER]
// A quiet machine with two cores takes about 20 minutes, with --quick about 5 (shorter recordings: a rehearsal, not a proof).
// Texts are compared by word error rate, speeds as ratios within one run.
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { machine } from "./_lib.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("../../", import.meta.url));
const { values: given } = parseArgs({
  options: { quick: { type: "boolean", default: false }, only: { type: "string" }, out: { type: "string", default: here } },
});
const { quick } = given;

/** In the order that lets the machine settle between the heavy ones. `limitS` ends one that hangs. */
const BENCHES = [
  { name: "accuracy", limitS: 180 },
  { name: "streaming", limitS: 900, env: quick ? { STREAM_QUICK: "1" } : {} },
  { name: "longform", limitS: 600, env: quick ? { LONG_MINUTES: "15", SILENCE_HOURS: "0.5" } : {} },
  { name: "scheduler", limitS: 180, env: quick ? { SCHEDULER_SECONDS: "10" } : {} },
  { name: "responsiveness", limitS: 120 },
  { name: "load", limitS: 240, args: ["--runs", quick ? "1" : "3"] },
  { name: "throughput", limitS: 480, args: quick ? ["--runs", "2", "--seconds", "5"] : [] },
  { name: "live", limitS: 480, args: ["--streams", quick ? "1" : "1,8", "--seconds", quick ? "30" : "60"] },
  { name: "times", limitS: 300, env: quick ? { TIMES_COUNT: "20" } : {} },
  { name: "faults", limitS: 300, command: ["node_modules/vitest/vitest.mjs", "run", "test/e2e/engine", "test/unit/engine/pool/pool.test.ts", "--reporter=json"] },
];

/** The requirements, in words; `keys` are those that benchmarks give their rows. */
const REQUIREMENTS = [
  ["1", "Finals of streams at 8, 16, 44.1, 48 kHz in frames of 20, 100, 500 ms, full speed: word error rate above the file's", "at most 0.3 points", ["fast"]],
  ["1", "The same in real time", "at most 0.3 points", ["real-time"]],
  ["1", "Long form of files above the clips", "at most 0.3 points", ["longform"]],
  ["2", "First partial after speech begins, p50", "at most 0.6 s", ["first-partial"]],
  ["2", "Words visible after they end, p95", "at most 1.2 s", ["visible"]],
  ["2", "Final after the endpoint, p95", "at most 0.5 s", ["final"]],
  ["2", "Word times of a stream against the file's, every rate and frame size, largest", "at most 80 ms", ["word-times"]],
  ["2", "Word times an hour into a stream, every rate; of the last part of an hour's file", "at most 80 ms", ["hour"]],
  ["3", "60 minutes: peak memory above the idle server", "at most 150 MB", ["long-memory"]],
  ["3", "60 minutes: cost of a minute, last quarter over the first", "at most 1.1 times", ["long-cost"]],
  ["3", "60 minutes: words unlike those of its 5-minute parts", "none", ["long-text"]],
  ["3", "6 hours of streamed silence: memory", "flat: at most 30 MB", ["silence-memory"]],
  ["3", "6 hours of streamed silence: processor time; audio that reached the encoder, s", "under 1 % of a core", ["silence-cpu"]],
  ["4", "Eight sessions over one: peak memory", "at most 1.1 times", ["sessions"]],
  ["4", "Four live streams beside four files: lag of partials over the lag alone", "at most 2 times", ["beside-lag"]],
  ["4", "  every file advances: recordings finished, fewest", "at least 1", ["beside-progress"]],
  ["5", "GigaAM-size graph, one thread: whole path over the bare encoder loop", "at least 0.95", ["encoder-share"]],
  ["5", "GigaAM-size graph, same weights: ours over sherpa-onnx", "at least 1.15", ["sherpa"]],
  ["5", "GigaAM-size graph: optimized over plain int8", "at least 1.2", ["optimized"]],
  ["5", "Second start over one without an optimized copy, processor time", "at most 0.8", ["load"]],
  ["6", "Event-loop delay p99 with every core busy", "below 20 ms", ["loop"]],
  ["7", "Faults: crash, ONNX error, out of memory, replaced model: coded errors, healed pool, slots back", "all hold", ["faults"]],
  ["8", "Live streams, dialog and lecture, 1 and 8: the encoder sees each second", "at most 3.5 times", ["live-cost"]],
  ["8", "First partial after speech begins, p50", "at most 0.5 s", ["live-first"]],
  ["8", "Words visible after they end, p50", "at most 0.9 s", ["live-p50"]],
  ["8", "Words visible after they end, p95, dialog", "at most 1.3 s", ["live-p95-dialog"]],
  ["8", "Words visible after they end, p95, lecture", "at most 1.3 s", ["live-p95-lecture"]],
  ["8", "Words taken back, over those before the cost was bounded (ADR 0041)", "at most 1.2 times", ["live-taken"]],
  ["9", "Word times of synthetic speech: starts, ends, empty or overlapping words", "40, 120, 150 ms, none", ["times"]],
  ["–", "Clips against the reference decode: rate, tokens, features", "as the reference", ["reference"]],
].map(([show, what, target, keys]) => ({ show, what, target, keys }));

const scratch = mkdtempSync(join(tmpdir(), "gigastt-report-"));
const rowsFile = join(scratch, "rows.jsonl");
const loadBefore = loadavg()[0];
const wanted = given.only?.split(",");
const isWanted = ({ name }) => wanted?.includes(name) ?? true;
/** With --only the others stay as they were measured last. */
const reportFile = join(given.out, "report.json");
const runs = wanted && existsSync(reportFile) ? keptFrom(JSON.parse(readFileSync(reportFile, "utf8"))) : [];
const placeOf = ({ name }) => BENCHES.findIndex((bench) => bench.name === name);
let report;
try {
  for (const bench of BENCHES.filter(isWanted)) {
    runs.push(await run(bench));
    runs.sort((a, b) => placeOf(a) - placeOf(b));
    // After each: half an hour of measuring is not lost with its last minute.
    report = write();
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
console.log(`\n${markdown(report ?? write())}`);
if (report?.requirements.some(({ result }) => result !== "pass")) process.exitCode = 1;

/** Writes both files with what is known so far. */
function write() {
  const known = {
    version: 1,
    date: new Date().toISOString(),
    quick,
    machine: `${machine()}, onnxruntime-node ${versionOf("onnxruntime-node")}`,
    loadAverage: { before: round(loadBefore), after: round(loadavg()[0]) },
    minutes: round(runs.reduce((sum, { seconds }) => sum + seconds, 0) / 60),
    requirements: REQUIREMENTS.map(judge),
    benches: runs,
  };
  writeFileSync(join(given.out, "report.json"), `${JSON.stringify(known, null, 2)}\n`);
  writeFileSync(join(given.out, "report.md"), markdown(known));
  return known;
}

function keptFrom({ date, benches }) {
  return benches.filter((one) => !isWanted(one)).map((one) => ({ name: one.name, date: date.slice(0, 10), ...one }));
}

/** Runs one benchmark and collects its rows. Its own lines go to the terminal. */
async function run({ name, limitS, env = {}, args = [], command }) {
  console.log(`## ${name}\n`);
  writeFileSync(rowsFile, "");
  const begunMs = performance.now();
  const program = command ?? ["--expose-gc", join(here, `${name}.js`), ...args];
  const child = spawn(process.execPath, program, {
    cwd: root,
    env: { ...process.env, ...env, BENCH_ROWS: rowsFile },
    stdio: ["ignore", command ? "pipe" : "inherit", "inherit"],
    // A group of its own: what a benchmark started ends with it.
    detached: true,
  });
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text) => (output += text));
  const end = () => process.kill(-child.pid, "SIGKILL");
  const timer = setTimeout(end, limitS * 1000);
  process.once("SIGINT", end);
  const status = await new Promise((resolve) => child.once("close", (code, signal) => resolve(code ?? signal)));
  clearTimeout(timer);
  process.off("SIGINT", end);
  const rows = command
    ? testRows(output)
    : readFileSync(rowsFile, "utf8")
        .split("\n")
        .filter(Boolean)
        .map((line) => JSON.parse(line));
  const seconds = Math.round((performance.now() - begunMs) / 1000);
  console.log(`\n${name} took ${seconds} s\n`);
  // A missed target ends a benchmark with 1: its rows say which. Anything else is a failure to measure.
  const problem = status === 0 || (status === 1 && rows.some(({ holds }) => !holds)) ? undefined : `ended with ${status}`;
  return { name, date: new Date().toISOString().slice(0, 10), seconds, problem, rows };
}

/** Tests in the place of measurements: how many hold. None when the run was cut. */
function testRows(output) {
  const summary = /^\{.*\}$/ms.exec(output)?.[0];
  if (summary === undefined) return [];
  const { numPassedTests, numTotalTests, numPendingTests } = JSON.parse(summary);
  const run = numTotalTests - numPendingTests;
  const holds = run > 0 && numPassedTests === run;
  const what = `fault tests that hold${numPendingTests > 0 ? ` (${numPendingTests} cannot run here)` : ""}`;
  return [{ key: "faults", what, value: `${numPassedTests} of ${run}`, unit: "", target: "all", holds }];
}

/** The worst row of a requirement is its figure. */
function judge({ show, what, target, keys }) {
  const rows = runs.flatMap((one) => one.rows).filter(({ key }) => keys.includes(key));
  if (rows.length === 0) return { show, what, target, measured: "not measured", rows: 0, result: "not measured" };
  const failed = rows.filter(({ holds }) => !holds);
  const [first] = failed.length > 0 ? failed : rows;
  const alike = rows.filter(({ unit }) => unit === first.unit);
  const numbers = (failed.length > 0 ? alike.filter(({ holds }) => !holds) : alike).map(({ value }) => value);
  const worst = first.target?.startsWith("at least") ? Math.min(...numbers) : Math.max(...numbers);
  const figure = Number.isFinite(worst) ? worst : first.value;
  const others = alike.length < rows.length ? ` and ${rows.length - alike.length} other figures` : "";
  const measured = `${round(figure)} ${first.unit}`.trim() + (rows.length > 1 ? `, worst of ${alike.length}${others}` : "");
  return { show, what, target, measured, rows: rows.length, result: failed.length === 0 ? "pass" : "fail" };
}

function markdown({ date, machine: described, loadAverage, minutes, requirements, benches }) {
  const table = requirements.map(
    (line) => `| ${line.show} | ${line.what.trim()} | ${line.target} | ${line.measured} | ${line.result} |`,
  );
  const details = benches.map(({ name, date: measured, seconds, problem, rows }) =>
    [
      `## ${name}`,
      "",
      `${measured ? `${measured}, ` : ""}${seconds} s${problem === undefined ? "" : `; **${problem}**`}`,
      "",
      "| what | measured | target | |",
      "|---|---:|---|---|",
      ...rows.map(
        (row) =>
          `| ${row.what} | ${round(row.value)} ${row.unit} | ${row.target ?? ""} | ${row.target === undefined ? "" : row.holds ? "ok" : "missed"} |`,
      ),
      "",
    ].join("\n"),
  );
  return [
    "# Report of the engine's benchmarks",
    "",
    "Written by `npm run bench report`. Ratios and differences are taken within one run. The demo model (int8) unless a row says GigaAM-size graph.",
    ...(quick ? ["", "**A rehearsal (`--quick`): shorter recordings, fewer runs.**"] : []),
    "",
    `Machine of the newest figures: ${described}. Load average before ${loadAverage.before}, after ${loadAverage.after}. ${date.slice(0, 10)}, ${minutes} minutes.`,
    "",
    "| show | requirement | target | measured | result |",
    "|---|---|---|---:|---|",
    ...table,
    "",
    ...details,
  ].join("\n");
}

function round(value) {
  return typeof value === "number" && Number.isFinite(value) ? Number(value.toPrecision(3)) : (value ?? "none");
}

function versionOf(name) {
  return JSON.parse(readFileSync(join(root, "node_modules", name, "package.json"), "utf8")).version;
}
