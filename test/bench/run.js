// Runs every benchmark of this folder, one after the other: `npm run bench [name…]`. Files that begin with _ are not benchmarks.
// `npm run bench report` runs those of the engine's requirements and writes a report.
// Numbers that matter are ratios and differences taken within one run, so a loaded machine makes them noisy but not wrong.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { machine } from "./_lib.js";

const dir = fileURLToPath(new URL(".", import.meta.url));
const given = process.argv.slice(2);
const wanted = given.filter((word) => given[0] === "report" || !word.startsWith("--"));
/** For the benchmarks themselves, such as --write. */
const flags = given.filter((word) => word.startsWith("--"));
if (wanted[0] === "report") {
  const { status } = spawnSync(process.execPath, [`${dir}report.js`, ...wanted.slice(1)], { stdio: "inherit" });
  process.exit(status ?? 1);
}
/** Parts of other benchmarks. */
const PARTS = new Set(["run.js", "report.js", "sherpa-child.js", "sherpa-model.js"]);
const names = readdirSync(dir)
  .filter((name) => name.endsWith(".js") && !PARTS.has(name) && !name.startsWith("_"))
  .filter((name) => wanted.length === 0 || wanted.includes(name.replace(/\.js$/, "")))
  .sort();
if (names.length === 0) {
  console.error(`no benchmark is called ${wanted.join(", ")}`);
  process.exit(2);
}

console.log(`machine: ${machine()}\ndate: ${new Date().toISOString()}\n`);
const failed = [];
for (const name of names) {
  console.log(`## ${name.replace(/\.js$/, "")}\n`);
  // --expose-gc: memory is compared after a collection, not at a random moment of the heap.
  const result = spawnSync(process.execPath, ["--expose-gc", `${dir}${name}`, ...flags], { stdio: "inherit" });
  if (result.status !== 0) failed.push(name);
  console.log();
}
if (failed.length > 0) {
  console.log(`missed or failed: ${failed.join(", ")}`);
  process.exitCode = 1;
}
