import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

/**
 * Returns the folder of the downloaded models: `model.dir` when set, else `gigastt/models` in the user's data directory
 * (`XDG_DATA_HOME`, or `~/.local/share`). Each model has a folder of its own in it, named by its id.
 */
export function modelsDir(configured: string | undefined, env: NodeJS.ProcessEnv): string {
  if (configured !== undefined && configured !== "") return resolve(configured);
  const dataHome = env["XDG_DATA_HOME"];
  // The XDG specification tells programs to ignore a relative path.
  if (dataHome !== undefined && isAbsolute(dataHome)) return join(dataHome, "gigastt", "models");
  return join(homeOf(env), ".local", "share", "gigastt", "models");
}

/** Returns the folder of optimized copies of encoders (`optimized.ts`) in the user's cache directory: `XDG_CACHE_HOME`, or `~/.cache`. May be removed at any time. */
export function optimizedDir(env: NodeJS.ProcessEnv): string {
  const cacheHome = env["XDG_CACHE_HOME"];
  if (cacheHome !== undefined && isAbsolute(cacheHome)) return join(cacheHome, "gigastt", "optimized");
  return join(homeOf(env), ".cache", "gigastt", "optimized");
}

function homeOf(env: NodeJS.ProcessEnv): string {
  const home = env["HOME"];
  return home !== undefined && isAbsolute(home) ? home : homedir();
}
