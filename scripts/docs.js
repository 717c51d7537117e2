// Writes every generated file: gigastt.config.yaml, gigastt.schema.json and the reference pages of config and CLI.
// `--check` only compares and exits 1 when one is out of date.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt, ensureInstalled } from "./bootstrap.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
ensureInstalled();
ensureBuilt();
const { generatedFiles } = await import("../dist/cli/docs/pages.js");
const { registry } = await import("../dist/cli/registry.js");
for (const [name, text] of await generatedFiles(registry)) {
  const path = join(root, name);
  if (existsSync(path) && readFileSync(path, "utf8") === text) continue;
  if (process.argv.includes("--check")) {
    process.stdout.write(`${name} is out of date: run node scripts/docs.js\n`);
    process.exitCode = 1;
    continue;
  }
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  process.stdout.write(`${name} written\n`);
}
