// First-run set-up shared by the launcher and `npm test`: locked dependencies, then the build. Node only, no dependency.
import { spawnSync } from "node:child_process";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildConsole } from "./console.js";
import { registries } from "./registry.js";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const buildStamp = join(root, "dist", ".gigastt-build");

/** Installs the locked dependencies unless they are there, however they were installed. Progress goes to stderr. */
export function ensureInstalled({ dev = false } = {}) {
  if (isInstalled(root, { dev })) return;
  requireWritable("installed");
  say("installing the locked dependencies (first run, about a minute) …");
  // The build needs the compiler, so development dependencies are installed too; the image prunes them later.
  const result = spawnSync("npm", ["ci", "--include=dev", "--loglevel=error"], {
    cwd: root,
    // npm's own output is kept off stdout: `./gigastt status --json | jq` must stay clean on a first run.
    stdio: ["ignore", 2, 2],
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  if (result.error || result.status !== 0) {
    const reason = result.error?.message ?? `npm ci ended with code ${result.status ?? result.signal}`;
    fail(
      `dependencies could not be installed (${reason}). Check the network or npm's proxy settings and run it again.`,
    );
  }
}

/** Returns whether node_modules holds what the lock file says, by the list that npm keeps there. */
export function isInstalled(folder, { dev }) {
  const wanted = packagesOf(join(folder, "package-lock.json"));
  const found = packagesOf(join(folder, "node_modules", ".package-lock.json"));
  return Object.entries(wanted).every(([path, entry]) => {
    // The packages of other platforms are optional.
    if (path === "" || entry.optional || (!dev && (entry.dev || entry.devOptional))) return true;
    return found[path]?.version === entry.version && found[path]?.integrity === entry.integrity;
  });
}

/** Compiles src/ to dist/ if a source is newer than the last build. */
export function ensureBuilt() {
  const built = existsSync(buildStamp) ? statSync(buildStamp).mtimeMs : 0;
  if (built > newestMtimeMs(join(root, "src"))) return;
  build();
}

/** Compiles src/ to dist/ from scratch. */
export function build() {
  ensureInstalled({ dev: true });
  requireWritable("built");
  say("building …");
  for (const [name, text] of registries(root)) {
    const path = join(root, name);
    if (readOrEmpty(path) !== text) writeFileSync(path, text);
  }
  const started = Date.now();
  rmSync(join(root, "dist", ".tsbuildinfo"), { force: true });
  const result = spawnSync(
    process.execPath,
    [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", join(root, "tsconfig.build.json")],
    {
      cwd: root,
      stdio: ["ignore", 2, 2],
    },
  );
  if (result.status !== 0) fail("the build failed: the compiler's messages are above.");
  buildConsole(root);
  mkdirSync(dirname(buildStamp), { recursive: true });
  // Stamped with the start: a file saved while the compiler ran is built again next time.
  writeFileSync(buildStamp, "");
  utimesSync(buildStamp, started / 1000, started / 1000);
}

/** The first start writes node_modules and dist into the checkout, so its owner has to do it once. */
function requireWritable(what) {
  try {
    const dist = join(root, "dist");
    accessSync(existsSync(dist) ? dist : root, constants.W_OK);
    accessSync(root, constants.W_OK);
  } catch {
    fail(
      `${root} must be ${what} first, but this user cannot write there: run ${join(root, "gigastt")} --version as its owner.`,
    );
  }
}

/** Folders count too: theirs changes when a file is removed. */
function newestMtimeMs(dir) {
  let newest = statSync(dir).mtimeMs;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    newest = Math.max(newest, entry.isDirectory() ? newestMtimeMs(path) : statSync(path).mtimeMs);
  }
  return newest;
}

function readOrEmpty(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

function packagesOf(path) {
  const text = readOrEmpty(path);
  return text === "" ? {} : JSON.parse(text).packages;
}

function say(text) {
  process.stderr.write(`gigastt: ${text}\n`);
}

function fail(text) {
  say(text);
  process.exit(1);
}
