import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bodyOf, EXAMPLES, readHeader } from "../../render/header.ts";

/** Rendered files in a folder, by what became of them since. Paths below the folder. */
export interface RenderedDrift {
  readonly dir: string;
  /** Ours and as rendered from the running configuration. */
  readonly current: readonly string[];
  /** Ours and untouched, but from another configuration or version. */
  readonly stale: readonly string[];
  /** Ours, changed by hand. */
  readonly edited: readonly string[];
}

/** A rendered file with its text. */
export interface KeptFile {
  readonly path: string;
  readonly text: string;
}

/** Where `gigastt render` writes for a configuration file; undefined without one. */
export function renderedDir(configPath: string | undefined): string | undefined {
  return configPath === undefined ? undefined : join(dirname(configPath), "deploy");
}

/** Looks at the headers alone: nothing is rendered, so it may be asked often. A folder that is not there has no drift. */
export async function findDrift(
  dir: string,
  running: { readonly configHash: string; readonly toolVersion: string },
): Promise<RenderedDrift> {
  const found = { current: [] as string[], stale: [] as string[], edited: [] as string[] };
  for (const { path, text } of await readFiles(dir)) {
    const header = readHeader(text);
    if (header.kind === "foreign" || header.toolVersion === EXAMPLES) continue;
    if (header.kind === "edited") found.edited.push(path);
    else if (header.configHash === running.configHash && header.toolVersion === running.toolVersion)
      found.current.push(path);
    else found.stale.push(path);
  }
  return { dir, ...found };
}

/** Reads the rendered files that were not edited: what a generation keeps. */
export async function readIntact(dir: string): Promise<KeptFile[]> {
  return (await readFiles(dir)).filter(({ text }) => {
    const header = readHeader(text);
    return header.kind === "intact" && header.toolVersion !== EXAMPLES;
  });
}

/** True when the programs that read the files would see a difference: headers are comments to them. */
export function differs(before: string | undefined, after: string): boolean {
  return before === undefined || bodyOf(before) !== bodyOf(after);
}

// ---

/** A rendered set has some thirty files, two folders deep. More belongs to something else. */
const MAX_FILES = 300;
const MAX_FILE_BYTES = 1024 * 1024;

async function readFiles(dir: string): Promise<KeptFile[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true }).catch(() => []);
  const paths = entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".tmp"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .slice(0, MAX_FILES);
  const files = await Promise.all(
    paths.map(async (path) => {
      const text = await readFile(path, "utf8").catch(() => "");
      return text.length > MAX_FILE_BYTES ? [] : [{ path: path.slice(dir.length + 1).replaceAll("\\", "/"), text }];
    }),
  );
  return files.flat();
}
