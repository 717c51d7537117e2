// `npm run package [-- FOLDER]`: writes gigastt-appliance-VERSION.tgz, which `npm i -g` installs without a network, a compiler or an
// install script. It holds the built program, the demo model and every dependency in the tested version; onnxruntime-node with its
// libraries for Linux only. See docs/adr/0009.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt } from "./bootstrap.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const destination = resolve(process.argv[2] ?? ".");
// A build of its own would write into dist while other programs of the checkout read it.
ensureBuilt();
mkdirSync(destination, { recursive: true });
const stage = mkdtempSync(join(tmpdir(), "gigastt-package-"));
try {
  const manifest = readJson(join(root, "package.json"));
  const files = manifest.files.map((name) => name.replace(/\/$/, "")).filter((name) => !name.startsWith("!"));
  for (const name of [...files, "README.md", "LICENSE"]) copy(name);
  for (const folder of productionPackages()) copy(folder);
  const { scripts: _, devDependencies: __, ...shipped } = manifest;
  writeJson(join(stage, "package.json"), { ...shipped, bundleDependencies: Object.keys(manifest.dependencies) });
  // Its install script would download CUDA libraries, which are not used; the packages it needs for that stay out.
  const runtime = join(stage, "node_modules", "onnxruntime-node", "package.json");
  const { scripts: ___, dependencies, ...rest } = readJson(runtime);
  writeJson(runtime, { ...rest, dependencies: { "onnxruntime-common": dependencies["onnxruntime-common"] } });
  const name = execFileSync("npm", ["pack", "--silent", "--pack-destination", destination], {
    cwd: stage,
    encoding: "utf8",
  });
  process.stdout.write(`${join(destination, name.trim())}\n`);
} finally {
  rmSync(stage, { recursive: true, force: true });
}

/** Folders of the packages that the program needs, relative to the root. A package inside another one comes with it. */
function productionPackages() {
  const listed = execFileSync("npm", ["ls", "--omit=dev", "--all", "--parseable"], { cwd: root, encoding: "utf8" });
  const folders = listed
    .trim()
    .split("\n")
    .slice(1)
    .map((path) => relative(root, path));
  return folders.filter((path) => path.lastIndexOf("node_modules") === 0);
}

function copy(name) {
  cpSync(join(root, name), join(stage, name), { recursive: true, filter: isShipped });
}

function isShipped(path) {
  const name = relative(root, path);
  if (name.startsWith(join("models", "recipe"))) return false;
  if (/onnxruntime-node\/bin\/napi-v\d+\/(?:darwin|win32)/.test(name)) return false;
  return !name.startsWith("node_modules") || !/\.(?:d\.[mc]?ts|map|md)$/.test(basename(name));
}

function readJson(path) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function writeJson(path, value) {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}
