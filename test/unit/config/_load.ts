import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig, type LoadedConfig, type LoadOptions } from "../../../src/config/load.ts";
import { ConfigError, formatProblem } from "../../../src/config/problems/problem.ts";

/** Loads a configuration from text, as a file called gigastt.config.yaml in a folder of its own. */
export async function load(text: string | Uint8Array, options: Partial<LoadOptions> = {}): Promise<LoadedConfig> {
  const cwd = await mkdtemp(join(tmpdir(), "gigastt-config-"));
  try {
    await writeFile(join(cwd, "gigastt.config.yaml"), text);
    return await loadConfig({ env: {}, cwd, machine: { cores: 4 }, ...options });
  } finally {
    await rm(cwd, { recursive: true });
  }
}

/** Loads without any file. */
export async function loadBare(options: Partial<LoadOptions>): Promise<LoadedConfig> {
  return loadConfig({ env: {}, cwd: "/nonexistent", machine: { cores: 4 }, ...options });
}

/** What the user sees when it fails: the error's whole text. */
export async function failure(promise: Promise<LoadedConfig>): Promise<string> {
  const outcome = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (outcome === undefined) return "(no problem)";
  if (!(outcome instanceof ConfigError)) throw outcome;
  return outcome.message;
}

/** The warnings of a usable configuration, one per line. */
export async function warnings(promise: Promise<LoadedConfig>): Promise<string> {
  return (await promise).warnings.map(formatProblem).join("\n");
}
