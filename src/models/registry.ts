import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { installationRoot } from "../shared/process/entry.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { closest } from "../shared/text/suggest.ts";
import type { ModelEntry, Registry } from "./registry-guard.ts";
import { parseRegistry } from "./registry-guard.ts";

/** The id that chooses the best installed model. */
export const AUTO_MODEL = "auto";

/** Returns `models/` of the installation. */
export function bundledModelsDir(): string {
  return fileURLToPath(new URL("models/", installationRoot()));
}

/** Reads and checks a registry; by default models/registry.json of the installation. */
export async function loadRegistry(file: string = `${bundledModelsDir()}registry.json`): Promise<Registry> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw new GigasttError(
      "GST_MODEL_REGISTRY",
      `the model registry ${file} cannot be read (${messageOf(error)}). Restore the file from the release.`,
      { cause: error },
    );
  }
  return parseRegistry(text, file);
}

/** Returns the entry with this id. @throws GigasttError `GST_MODEL_UNKNOWN` (exit 2) naming the known ids. */
export function findModel(registry: Registry, id: string): ModelEntry {
  const entry = registry.models.find((model) => model.id === id);
  if (entry) return entry;
  const ids = registry.models.map((model) => model.id);
  const meant = closest(id, ids);
  throw new GigasttError(
    "GST_MODEL_UNKNOWN",
    `unknown model ${JSON.stringify(id.slice(0, 80))}${meant === undefined ? "." : `; did you mean ${meant}?`} Known: ${ids.join(", ")}.`,
    { exitCode: 2 },
  );
}
