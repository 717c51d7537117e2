// Runs commands one after the other, counts tests and checks, and remembers what failed. Used by .ci/suite.js and .ci/long.js.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
export const scratch = mkdtempSync(join(tmpdir(), "gigastt-ci-"));
process.once("exit", () => rmSync(scratch, { recursive: true, force: true }));

const FAILURE_LINES = 15;
const FAILURE_COLUMNS = 300;
/** Limit for one step, against a hang: a slow machine needs 35 minutes for the longest. */
const STEP_LIMIT_MIN = 45;
/** So many of a run's slowest files are named after it. */
const SLOWEST_FILES = 12;

export const totals = { passed: 0, failed: 0, skipped: 0 };
/** Each failure with the first lines of its message; printed at the end, where a reader of a log looks. */
export const failures = [];

/** Prints every failure again and the line that ends the log; sets the exit code. */
export function finish() {
  for (const failure of failures) process.stdout.write(`\nci: failed: ${failure}\n`);
  process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
  process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;
}

/** Runs a command that counts as one check. */
export function check(name, command, args, env = {}) {
  const status = step(name, command, args, env);
  totals[status === 0 ? "passed" : "failed"] += 1;
  if (status !== 0) failures.push(name);
  return status === 0;
}

/** Runs vitest, directly or through npm, and adds up its tests. Returns its own counts. */
export function vitest(name, command, args, env = {}, limitMin = STEP_LIMIT_MIN) {
  const report = join(scratch, `${name.replaceAll(/\W+/g, "-")}.json`);
  const reporters = [
    "--reporter=default",
    `--reporter=${join(root, ".ci", "json-report.js")}`,
    `--outputFile.json=${report}`,
  ];
  const status = step(name, command, [...args, ...reporters], env, limitMin);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  if (existsSync(report)) {
    const found = JSON.parse(readFileSync(report, "utf8"));
    failures.push(...failuresOf(name, found.testResults));
    counts.passed = found.numPassedTests;
    counts.skipped = found.numPendingTests + found.numTodoTests;
    // A file that could not be loaded has no failed test, but it failed.
    counts.failed =
      found.numFailedTests || (found.success && status === 0 ? 0 : Math.max(1, found.numFailedTestSuites));
    if (found.numFailedTests === 0 && status !== 0) failures.push(`${name}: exit ${status}`);
    process.stdout.write(`=== ${name}: slowest files: ${slowest(found.testResults)}\n`);
  } else {
    failures.push(`${name} wrote no report (exit ${status})`);
    counts.failed = 1;
  }
  for (const key of Object.keys(totals)) totals[key] += counts[key];
  return counts;
}

/** Runs a command and returns its exit code. */
export function step(name, command, args, env = {}, limitMin = STEP_LIMIT_MIN) {
  process.stdout.write(`\n=== ${name}\n`);
  const started = Date.now();
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
    timeout: limitMin * 60_000,
  });
  const outcome = error?.message ?? (status === 0 ? "ok" : `exit ${status ?? signal}`);
  process.stdout.write(`=== ${name}: ${outcome}, ${Math.round((Date.now() - started) / 1000)} s\n`);
  return status ?? 1;
}

function slowest(files) {
  return files
    .map((file) => ({ file: relative(root, file.name), seconds: Math.round((file.endTime - file.startTime) / 1000) }))
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, SLOWEST_FILES)
    .map(({ file, seconds }) => `${file} ${seconds} s`)
    .join(", ");
}

function failuresOf(run, files) {
  return files
    .filter((file) => file.status === "failed")
    .flatMap((file) => {
      const where = `${run}: ${relative(root, file.name)}`;
      const tests = file.assertionResults.filter((test) => test.status === "failed");
      const ofFile = tests.length === 0 || file.message !== "" ? [`${where}\n${excerpt(file.message)}`] : [];
      const ofTests = tests.map((test) => `${where} > ${test.fullName}\n${excerpt(test.failureMessages.join("\n"))}`);
      return [...ofFile, ...ofTests];
    });
}

/** Returns the first lines of a message, which can be thousands long (a counterexample, a page of HTML). */
function excerpt(message) {
  const lines = message.split("\n").slice(0, FAILURE_LINES);
  return lines.map((line) => `  ${line.slice(0, FAILURE_COLUMNS)}`).join("\n");
}
