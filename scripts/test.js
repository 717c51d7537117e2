// `npm test` on a fresh clone: set up, build, run the quick suites. Every argument goes to vitest.
//   --all    every suite that this machine can run; with a file or --project, only these
//   --rest   what --all adds to the quick suites
//   --bench  test/bench instead
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt, ensureInstalled } from "./bootstrap.js";
import { withPlainPath } from "./plain-path.js";

const QUICK = ["unit", "processes"];
const REST = ["random", "long", "programs"];

const root = dirname(dirname(fileURLToPath(import.meta.url)));
ensureInstalled({ dev: true });
ensureBuilt();
const [first = "", ...others] = process.argv.slice(2);
if (first === "--bench") process.exitCode = node([join(root, "test", "bench", "run.js"), ...others]);
else if (first === "--rest") process.exitCode = vitest(REST, others, "sample");
else if (first !== "--all")
  process.exitCode = withPlainPath((env) => vitest(QUICK, process.argv.slice(2), "quick", env));
else if (others.some((word) => !word.startsWith("-"))) process.exitCode = vitest([], others, "sample");
else process.exitCode = withPlainPath((env) => vitest(QUICK, others, "quick", env)) || vitest(REST, others, "sample");

/** Runs the projects; a `--project` among the arguments replaces them. Returns the exit code. */
function vitest(projects, args, defaultDepth, env = process.env) {
  const chosen = args.includes("--project") ? [] : projects.flatMap((name) => ["--project", name]);
  const depth = env.TEST_DEPTH ?? defaultDepth;
  process.stderr.write(`gigastt: random tests: TEST_DEPTH=${depth} TEST_SEED=${env.TEST_SEED ?? "fixed"}\n`);
  const command = [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...chosen, ...args];
  return node(command, { ...env, TEST_DEPTH: depth });
}

function node(args, env = process.env) {
  return spawnSync(process.execPath, args, { cwd: root, stdio: "inherit", env }).status ?? 1;
}
