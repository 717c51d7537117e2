// Runs every suite that has more cases than CI has time for, at full count, one file after the other.
// Finished suites are kept in .ci/long-state.json: a second run of the same commit goes on where the first one stopped.
// With all suites finished it writes test/long-report.md, which names the commit.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { finish, root, totals, vitest } from "./steps.js";

const GROUPS = ["random", "long", "programs"];
/** Minutes for one suite. */
const LIMIT_MIN = 240;
const statePath = join(root, ".ci", "long-state.json");
const reportPath = join(root, "test", "long-report.md");

const commit = output("git", ["rev-parse", "HEAD"]);
// Every commit gets other random input; TEST_SEED repeats the input of a report.
const seed = Number(process.env.TEST_SEED ?? Number.parseInt(commit.slice(0, 7), 16));
const only = process.argv.slice(2).filter((word) => !word.startsWith("--"));
const suites = listSuites().filter(({ file }) => only.length === 0 || only.some((word) => file.includes(word)));
if (process.argv.includes("--list")) {
  for (const { group, file } of suites) process.stdout.write(`${group} ${file}\n`);
  process.exit(0);
}
if (output("git", ["status", "--porcelain", "--untracked-files=no"]) !== "") {
  process.stderr.write("ci: commit your changes first: the report names the commit that was tested\n");
  process.exit(2);
}
const state = readState();
for (const { group, file } of suites) {
  if (state.suites[file]?.failed === 0) continue;
  const started = Date.now();
  const args = ["scripts/test.js", "--rest", "--project", group, file];
  const counts = vitest(file, "node", args, { TEST_DEPTH: "full", TEST_SEED: String(seed) }, LIMIT_MIN);
  state.suites[file] = { group, ...counts, seconds: Math.round((Date.now() - started) / 1000) };
  writeFileSync(statePath, `${JSON.stringify(state, undefined, 2)}\n`);
}
const missing = listSuites().filter(({ file }) => state.suites[file] === undefined);
if (missing.length === 0) writeFileSync(reportPath, report());
process.stdout.write(
  missing.length === 0 ? `\nci: report written: ${reportPath}\n` : `\nci: ${missing.length} suites have not run yet\n`,
);
// The last line counts the suites of earlier runs too.
for (const key of Object.keys(totals))
  totals[key] = Object.values(state.suites).reduce((sum, suite) => sum + suite[key], 0);
finish();

function listSuites() {
  const projects = GROUPS.flatMap((name) => ["--project", name]);
  const listed = output("npx", ["vitest", "list", "--filesOnly", "--json", ...projects]);
  const files = JSON.parse(listed.slice(listed.indexOf("[")));
  return files
    .map(({ file, projectName }) => ({ group: projectName, file: file.slice(root.length + 1) }))
    .sort((a, b) => GROUPS.indexOf(a.group) - GROUPS.indexOf(b.group) || (a.file < b.file ? -1 : 1));
}

function readState() {
  const kept = existsSync(statePath) ? JSON.parse(readFileSync(statePath, "utf8")) : undefined;
  return kept?.commit === commit && kept.seed === seed ? kept : { commit, seed, suites: {} };
}

function report() {
  const rows = Object.entries(state.suites).map(
    ([file, { group, passed, failed, skipped, seconds }]) =>
      `| ${group} | \`${file}\` | ${passed} | ${failed} | ${skipped} | ${seconds} |`,
  );
  return [
    "# Long run",
    "",
    "<!-- written by .ci/long -->",
    "",
    `Commit ${commit}, ${new Date().toISOString().slice(0, 10)}, Node ${process.version}, ${cpus().length} × ${cpus()[0]?.model ?? "unknown processor"}.`,
    `Every suite at its full count (\`TEST_DEPTH=full TEST_SEED=${seed}\`).`,
    "",
    "| group | suite | passed | failed | skipped | seconds |",
    "|---|---|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

function output(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { cwd: root, encoding: "utf8", maxBuffer: 2 ** 26 });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")} ended with code ${status}: ${stderr}`);
  return stdout.trim();
}
