// Loading a graph of GigaAM's size: without kept copies, the first start that leaves one, and the starts after it. In turn, in one run.
//   node test/bench/load.js [--runs 5]
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeSyntheticModel } from "../../dist/models/synthetic/synthetic-model.js";
import { atMost, percentile, report } from "./_lib.js";

const { values } = parseArgs({ options: { runs: { type: "string", default: "5" } } });
const scratch = mkdtempSync(join(tmpdir(), "gigastt-load-"));
const child = fileURLToPath(new URL("_load.js", import.meta.url));
try {
  const models = join(scratch, "models");
  await makeSyntheticModel({ baseDir: models, pointwise: false });
  for (const workers of [1, 2]) {
    const copies = join(scratch, `copies-${workers}`);
    start(models, workers); // fills the page cache
    const runs = { without: [], first: [], later: [] };
    for (let run = 0; run < Number(values.runs); run++) {
      rmSync(copies, { recursive: true, force: true });
      runs.without.push(start(models, workers));
      runs.first.push(start(models, workers, copies));
      runs.later.push(start(models, workers, copies));
    }
    if (runs.later.some(({ from }) => from !== "optimized copy")) throw new Error("a later start did not use the copy");
    const name = `${workers} worker${workers > 1 ? "s" : ""}:`;
    const median = (kind, key) =>
      percentile(
        runs[kind].map((one) => one[key]),
        0.5,
      );
    for (const kind of Object.keys(runs)) {
      console.log(
        `${name} ${kind.padEnd(8)} ${["wallMs", "cpuMs", "rssMb", "privateMb"].map((key) => `${key} ${median(kind, key).toFixed(0)}`).join("  ")}`,
      );
    }
    const ratio = (key, kind) => median(kind, key) / median("without", key);
    report(
      `${name} later start over one without copies, processor time`,
      ratio("cpuMs", "later"),
      "times",
      atMost(0.8),
      "load",
    );
    report(`${name}   wall time`, ratio("wallMs", "later"), "times");
    report(`${name}   memory of its own`, ratio("privateMb", "later"), "times");
    report(
      `${name} first start, that leaves a copy, over one without, processor time`,
      ratio("cpuMs", "first"),
      "times",
    );
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}

function start(models, workers, copies) {
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [child, models, String(workers), ...(copies ? [copies] : [])],
    {
      encoding: "utf8",
    },
  );
  if (status !== 0) throw new Error(`a start failed: ${stderr}`);
  return JSON.parse(stdout);
}
