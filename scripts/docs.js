// Writes every generated file: the lists of commands, handlers and audit rules, gigastt.config.yaml, gigastt.schema.json, and the
// reference and audit pages. `--check` only compares and exits 1 when one is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled } from "./bootstrap.js";
import { registries } from "./registry.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const check = process.argv.includes("--check");
ensureInstalled({ dev: true });
// First: the pages are written by code that uses the lists.
update(registries(root));
const { runnerImport } = await import("vite");
const { module } = await runnerImport(join(root, "scripts", "docs", "pages.ts"), { logLevel: "error" });
update(module.pages);

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
