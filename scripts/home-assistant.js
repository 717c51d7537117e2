// Writes the add-on repository of a release: node scripts/home-assistant.js OWNER/NAME FOLDER
// OWNER/NAME is the GitHub repository; its images are ghcr.io/owner/name and ghcr.io/owner/name-home-assistant.
import { cpSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const [repository = "", out = ""] = process.argv.slice(2);
if (!/^[\w.-]+\/[\w.-]+$/.test(repository) || out === "") {
  process.stderr.write("usage: node scripts/home-assistant.js OWNER/NAME FOLDER\n");
  process.exit(2);
}
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const addon = join(out, "gigastt");
cpSync(join(root, "deploy", "home-assistant"), out, { recursive: true });
cpSync(join(root, "CHANGELOG.md"), join(addon, "CHANGELOG.md"));
for (const name of readdirSync(out, { recursive: true, encoding: "utf8" })) {
  if (extname(name) !== ".yaml" && !name.endsWith("Dockerfile")) continue;
  const text = readFileSync(join(out, name), "utf8");
  // Registries take lower case only.
  const filled = text
    .replaceAll("ghcr.io/OWNER/gigastt", `ghcr.io/${repository.toLowerCase()}`)
    .replaceAll("OWNER/gigastt", repository);
  writeFileSync(join(out, name), filled.replace(/^# OWNER is replaced.*\n/m, ""));
}
