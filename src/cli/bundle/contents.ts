import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join, relative } from "node:path";

interface Manifest {
  readonly files?: readonly string[];
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Returns what runs of an installation, as paths below its root: what the package ships, and the packages it needs. */
export async function shippedPaths(root: string): Promise<readonly string[]> {
  const manifest = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as Manifest; // our own
  const shipped = (manifest.files ?? []).filter((name) => !name.startsWith("!")).map((name) => name.replace(/\/$/, ""));
  return ["package.json", "LICENSE", ...shipped, ...productionPackages(root, manifest)];
}

/** Leaves out what does not run on this machine: sources, type declarations, libraries of other platforms. */
export function isShipped(root: string, path: string): boolean {
  const name = relative(root, path);
  if (name.startsWith(join("models", "recipe"))) return false;
  const library = /onnxruntime-node\/bin\/napi-v\d+\/([^/]+)(?:\/([^/]+))?/.exec(name);
  if (library) return library[1] === process.platform && (library[2] === undefined || library[2] === process.arch);
  return !name.startsWith("node_modules") || !/\.(?:d\.[mc]?ts|map|md)$/.test(basename(name));
}

// ---

/** A package inside another one comes with it. */
function productionPackages(root: string, manifest: Manifest): readonly string[] {
  const found = new Set<string>();
  const waiting = namesOf(manifest);
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const folder = join("node_modules", name);
    if (found.has(folder)) continue;
    const text = textOf(join(root, folder, "package.json"));
    if (text === undefined) continue; // optional, for another platform
    found.add(folder);
    waiting.push(...namesOf(JSON.parse(text) as Manifest)); // an installed package's manifest
  }
  return [...found];
}

function namesOf({ dependencies, optionalDependencies }: Manifest): string[] {
  return [...Object.keys(dependencies ?? {}), ...Object.keys(optionalDependencies ?? {})];
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
