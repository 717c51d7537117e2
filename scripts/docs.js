// Writes every generated file: the lists of commands and audit rules, then gigastt.config.yaml, gigastt.schema.json and the reference pages.
// `--check` only compares and exits 1 when one is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt, ensureInstalled } from "./bootstrap.js";
import { registries } from "./registry.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes("--check");
ensureInstalled({ dev: true });
// Before the build: the lists are compiled with everything else.
update(registries(root));
ensureBuilt();
const { generatedFiles } = await import("../dist/cli/docs/pages.js");
const { registry } = await import("../dist/cli/registry.js");
update(await generatedFiles(registry));
const { runnerImport } = await import("vite");
update((await runnerImport(join(root, "test/support/audit-pages.ts"))).module.auditPages());

function update(files) {
  for (const [name, text] of files) {
    const path = join(root, name);
    if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
    if (check) {
      process.stdout.write(`${name} is out of date: run node scripts/docs.js\n`);
      process.exitCode = 1;
      continue;
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    process.stdout.write(`${name} written\n`);
  }
}
