import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../shared/files.ts";
import type { ModelFile } from "./manifest.ts";
import { parseRegistry, type ModelEntry, type Registry } from "./registry-guard.ts";

/** The manifest of a model made on this machine, in its own folder: a registry with one entry. */
const MANIFEST = "model.json";

/**
 * Returns the registry together with the models that were made on this machine. A broken manifest hides only its own model, unless the
 * configuration asks for it: then it is unknown by name. An id of the shipped registry cannot be taken over.
 */
export async function withLocalModels(registry: Registry, baseDir: string): Promise<Registry> {
  const known = new Set(registry.models.map(({ id }) => id));
  const local: ModelEntry[] = [];
  for (const folder of await foldersIn(baseDir)) {
    const file = join(baseDir, folder, MANIFEST);
    const text = await readFile(file, "utf8").catch(() => undefined);
    const entry = text === undefined ? undefined : await entryOf(text, file);
    if (entry && entry.id === folder && entry.source.kind === "local" && !known.has(entry.id)) local.push(entry);
  }
  return { ...registry, models: [...registry.models, ...local] };
}

/** Writes the manifest of a model whose files lie in `dir`; the last step of making it, so that half a model is never listed. */
export async function writeLocalManifest(dir: string, entry: ModelEntry): Promise<void> {
  const file = join(dir, MANIFEST);
  const text = `${JSON.stringify({ version: 1, models: [entry] }, null, 2)}\n`;
  await parseRegistry(text, file);
  await writeFileAtomic(file, text, { mode: 0o644 });
}

/** Returns the size and SHA-256 of a file that was just made. */
export async function describeFile(dir: string, name: string): Promise<ModelFile> {
  const path = join(dir, name);
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array); // no encoding is set
  return { name, bytes: (await stat(path)).size, sha256: hash.digest("hex") };
}

async function foldersIn(dir: string): Promise<readonly string[]> {
  const entries = await readdir(dir, { withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();
}

async function entryOf(text: string, file: string): Promise<ModelEntry | undefined> {
  try {
    return (await parseRegistry(text, file)).models[0];
  } catch {
    return undefined;
  }
}
