// Runs every check, counts what passed, failed and was skipped, and ends with the one line that says so.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), "gigastt-ci-"));
/** The other Node line we promise to work on; its binary comes as a package. */
const SECOND_NODE = "24.21.0";
/** The groups of vitest.config.ts in which Node makes the difference; the others try the machine's programs, or are long. */
const SECOND_NODE_GROUPS = ["unit", "timed", "others"];
/** The whole check has 40 minutes; its last part takes about seven. */
const SECOND_NODE_BY_MIN = 31;
const startedMs = Number(process.env.CI_STARTED_S ?? Date.now() / 1000) * 1000;
const totals = { passed: 0, failed: 0, skipped: 0 };
const FAILURE_LINES = 15;
const FAILURE_COLUMNS = 300;
/** What failed, said again at the end: who reads a log reads its tail. */
const failures = [];

try {
  vitest("npm test", "npm", ["test", "--"]);
  check("type check", "npx", ["tsc", "-p", "tsconfig.json"]);
  check("lint and import walls", "npx", ["oxlint", "--deny-warnings"]);
  check("format", "npx", ["oxfmt", "--check"]);
  check("npm test leaves the checkout clean", "git", ["diff", "--exit-code", "--stat"]);
  secondNode();
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
for (const failure of failures) process.stdout.write(`\nci: failed: ${failure}\n`);
process.stdout.write(`\n${totals.passed} passed, ${totals.failed} failed, ${totals.skipped} skipped\n`);
process.exitCode = totals.failed === 0 && totals.passed > 0 ? 0 : 1;

function check(name, command, args, env = {}) {
  const status = step(name, command, args, env);
  totals[status === 0 ? "passed" : "failed"] += 1;
  if (status !== 0) failures.push(name);
}

function vitest(name, command, args, env = {}) {
  const report = join(scratch, `${name.replaceAll(/\W+/g, "-")}.json`);
  const status = step(
    name,
    command,
    [...args, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    env,
  );
  if (!existsSync(report)) {
    failures.push(`${name} wrote no report (exit ${status})`);
    totals.failed += 1;
    return;
  }
  const { testResults, numPassedTests, numFailedTests, numPendingTests, numTodoTests, numFailedTestSuites, success } =
    JSON.parse(readFileSync(report, "utf8"));
  failures.push(...failuresOf(name, testResults));
  totals.passed += numPassedTests;
  totals.skipped += numPendingTests + numTodoTests;
  // A suite that could not even load has no failed test, but it failed.
  totals.failed += numFailedTests || (success && status === 0 ? 0 : Math.max(1, numFailedTestSuites));
  if (numFailedTests === 0 && status !== 0) failures.push(`${name}: exit ${status}`);
}

function failuresOf(run, files) {
  return files
    .filter((file) => file.status === "failed")
    .flatMap((file) => {
      const where = `${run}: ${relative(root, file.name)}`;
      const tests = file.assertionResults.filter((test) => test.status === "failed");
      if (tests.length === 0) return [`${where}\n${excerpt(file.message)}`];
      return tests.map((test) => `${where} > ${test.fullName}\n${excerpt(test.failureMessages.join("\n"))}`);
    });
}

/** The first lines of a message, which can be thousands long (a counterexample, a page of HTML). */
function excerpt(message) {
  const lines = message.split("\n").slice(0, FAILURE_LINES);
  return lines.map((line) => `  ${line.slice(0, FAILURE_COLUMNS)}`).join("\n");
}

/** The suites again on the second Node, without the long random runs: what differs between Nodes shows in the first case. */
function secondNode() {
  const minutes = Math.round((Date.now() - startedMs) / 60_000);
  if (minutes > SECOND_NODE_BY_MIN) {
    process.stdout.write(`\nci: Node ${SECOND_NODE} skipped: ${minutes} minutes are gone, and the check has 40\n`);
    totals.skipped += 1;
    return;
  }
  const platform = `node-${process.platform}-${process.arch}`;
  const install = step(`install Node ${SECOND_NODE}`, "npm", [
    "install",
    "--prefix",
    scratch,
    "--no-save",
    "--loglevel=error",
    `${platform}@${SECOND_NODE}`,
  ]);
  const node = join(scratch, "node_modules", platform, "bin", "node");
  if (install !== 0 || !existsSync(node)) {
    failures.push(`Node ${SECOND_NODE} is not to be had for ${platform}`);
    totals.failed += 1;
    return;
  }
  vitest(
    `Node ${SECOND_NODE}`,
    node,
    ["scripts/test.js", ...SECOND_NODE_GROUPS.flatMap((name) => ["--project", name])],
    {
      PATH: `${dirname(node)}:${process.env.PATH}`,
      TEST_FUZZ_CASES: "300",
    },
  );
}

function step(name, command, args, env = {}) {
  process.stdout.write(`\n=== ${name}\n`);
  const started = Date.now();
  const { status, signal, error } = spawnSync(command, args, {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
    env: { ...process.env, ...env },
  });
  process.stdout.write(
    `=== ${name}: ${error?.message ?? (status === 0 ? "ok" : `exit ${status ?? signal}`)}, ${Math.round((Date.now() - started) / 1000)} s\n`,
  );
  return status ?? 1;
}
