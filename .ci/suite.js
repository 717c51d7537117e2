// Runs every check: `npm test` as the README says it, the other suites with a sample of each long one, linters, a second Node.
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { check, failures, finish, scratch, step, totals, vitest } from "./steps.js";

/** The other Node line that is supported; its binary comes as an npm package. */
const SECOND_NODE = "24.21.0";
/** The whole check has 60 minutes; its last part, the second Node, takes about seven. */
const SECOND_NODE_BY_MIN = 50;
const startedMs = Number(process.env.CI_STARTED_S ?? Date.now() / 1000) * 1000;

vitest("npm test", "npm", ["test", "--"]);
check("type check", "npm", ["run", "--silent", "typecheck"]);
check("lint and import walls", "npx", ["oxlint", "--deny-warnings"]);
check("format", "npx", ["oxfmt", "--check"]);
for (const group of ["random", "long", "programs"])
  vitest(`npm run test:all, group ${group}`, "node", ["scripts/test.js", "--rest", "--project", group]);
check("the suites leave the checkout clean", "git", ["diff", "--exit-code", "--stat"]);
secondNode();
finish();

/** Runs the suites of `npm test` on the second Node. */
function secondNode() {
  const minutes = Math.round((Date.now() - startedMs) / 60_000);
  if (minutes > SECOND_NODE_BY_MIN) {
    process.stdout.write(`\nci: Node ${SECOND_NODE} skipped: ${minutes} of 60 minutes are used\n`);
    totals.skipped += 1;
    return;
  }
  const platform = `node-${process.platform}-${process.arch}`;
  const options = ["--prefix", scratch, "--no-save", "--loglevel=error"];
  const install = step(`install Node ${SECOND_NODE}`, "npm", ["install", ...options, `${platform}@${SECOND_NODE}`]);
  const node = join(scratch, "node_modules", platform, "bin", "node");
  if (install !== 0 || !existsSync(node)) {
    failures.push(`Node ${SECOND_NODE} could not be installed for ${platform}`);
    totals.failed += 1;
    return;
  }
  vitest(`npm test on Node ${SECOND_NODE}`, node, ["scripts/test.js"], {
    PATH: `${dirname(node)}:${process.env.PATH}`,
  });
}
