// Reduces npm's SPDX bill of materials (a file given as argument) to what is installed in ./node_modules now; the result goes to stdout.
// `npm sbom --omit=dev` cannot be asked: it also leaves out what a development dependency needs too, `yaml` for one.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const bill = JSON.parse(readFileSync(process.argv[2], "utf8"));
const root = JSON.parse(readFileSync("package.json", "utf8"));
const installed = new Set([`${root.name}@${root.version}`, ...packagesIn("node_modules")]);
bill.packages = bill.packages.filter(({ name, versionInfo }) => installed.has(`${name}@${versionInfo}`));
const ids = new Set([bill.SPDXID, ...bill.packages.map(({ SPDXID }) => SPDXID)]);
bill.relationships = bill.relationships.filter(
  ({ spdxElementId, relatedSpdxElement }) => ids.has(spdxElementId) && ids.has(relatedSpdxElement),
);
const listed = new Set(bill.packages.map(({ name, versionInfo }) => `${name}@${versionInfo}`));
const missing = [...installed].filter((name) => !listed.has(name));
if (missing.length > 0) throw new Error(`not in npm's bill of materials: ${missing.join(", ")}`);
process.stdout.write(`${JSON.stringify(bill, null, 2)}\n`);

/** name@version of every package below a node_modules folder. */
function* packagesIn(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name.startsWith(".")) continue;
    const path = join(folder, entry.name);
    if (entry.name.startsWith("@")) {
      yield* packagesIn(path);
      continue;
    }
    const { name, version } = JSON.parse(readFileSync(join(path, "package.json"), "utf8"));
    yield `${name}@${version}`;
    const nested = readdirSync(path).includes("node_modules");
    if (nested) yield* packagesIn(join(path, "node_modules"));
  }
}
