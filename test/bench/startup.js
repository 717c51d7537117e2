// How much longer than Node itself a start takes: `node -e 0` against the launcher and the entry, alternating, in one run.
// Prints medians, fastest runs and differences; exits 1 when the launcher's difference is above the budget of 150 ms.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const RUNS = Number(process.env["BENCH_RUNS"] ?? 10);
const BUDGET_MS = 150;

const variants = {
  "node -e 0": ["-e", "0"],
  "gigastt --version": [join(root, "bin", "gigastt.js"), "--version"],
  "./gigastt --version": [join(root, "gigastt"), "--version"],
  "./gigastt config check": [join(root, "gigastt"), "config", "check", join(root, "gigastt.config.yaml")],
  "./gigastt status": [join(root, "gigastt"), "status"],
};
const times = Object.fromEntries(Object.keys(variants).map((name) => [name, []]));
for (let run = -1; run < RUNS; run++) {
  for (const [name, args] of Object.entries(variants)) {
    const started = performance.now();
    spawnSync(process.execPath, args, { stdio: "ignore", cwd: root });
    // The first round fills the disk cache (and installs and builds, on a fresh clone).
    if (run >= 0) times[name].push(performance.now() - started);
  }
}
const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
const base = median(times["node -e 0"]);
const fastest = Math.min(...times["node -e 0"]);
process.stdout.write(`${RUNS} runs each, Node ${process.version}; median and fastest, each against node -e 0\n`);
for (const [name, values] of Object.entries(times)) {
  const [value, least] = [median(values), Math.min(...values)];
  const more = name === "node -e 0" ? "" : `  +${(value - base).toFixed(0)} ms ×${(value / base).toFixed(2)}`;
  const leastMore =
    name === "node -e 0" ? "" : `  +${(least - fastest).toFixed(0)} ms ×${(least / fastest).toFixed(2)}`;
  const columns = [
    name.padEnd(24),
    `${value.toFixed(0).padStart(5)} ms${more}`.padEnd(28),
    `${least.toFixed(0).padStart(5)} ms${leastMore}`,
  ];
  process.stdout.write(`${columns.join(" ").trimEnd()}\n`);
}
// The fastest run is the one the rest of the machine disturbed least.
const over = Math.min(...times["./gigastt --version"]) - fastest;
if (over > BUDGET_MS) {
  process.stdout.write(`the launcher takes ${over.toFixed(0)} ms more than Node, the budget is ${BUDGET_MS} ms\n`);
  process.exitCode = 1;
}
