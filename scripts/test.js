// `npm test` on a fresh clone: set up, build, run vitest. `--bench` runs test/bench instead.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt, ensureInstalled } from "./bootstrap.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
ensureInstalled({ dev: true });
ensureBuilt();
const args = process.argv.slice(2);
const command =
  args[0] === "--bench"
    ? [join(root, "test", "bench", "run.js"), ...args.slice(1)]
    : [join(root, "node_modules", "vitest", "vitest.mjs"), "run", ...args];
const result = spawnSync(process.execPath, command, { cwd: root, stdio: "inherit" });
process.exitCode = result.status ?? 1;
