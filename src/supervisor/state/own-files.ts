import { readdir, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { StatePaths } from "./state-dir.ts";

/** Everything the supervisor and its children make in a state folder. */
const OWN: ReadonlySet<string> = new Set([
  "children.json",
  "control.sock",
  "caddy.sock",
  "redis.sock",
  "logs",
  "history",
  "generations",
  "proxy",
  "lan",
  "redis",
  "last-audit.json",
]);

/** Kept copies of a restore, claims, and temporary files of a write that was cut short. */
const OWN_PATTERN = /^(?:before-restore-.+|\..+\.tmp|supervisor\.json(?:\..*)?)$/;

/**
 * What `uninstall` removes of a state folder. Never the folder as a whole: under systemd the models lie in it, and a
 * mistyped supervisor.stateDir may name a folder with other people's files.
 */
export async function ownStateFiles(paths: StatePaths): Promise<string[]> {
  const names = await readdir(paths.dir).catch((): string[] => []);
  const found = names.filter((name) => OWN.has(name) || OWN_PATTERN.test(name)).map((name) => join(paths.dir, name));
  const socketDir = dirname(paths.controlSocket);
  if (socketDir === paths.dir) return found.sort();
  const sockets = await readdir(socketDir).catch((): string[] => []);
  return [...found, ...sockets.filter((name) => OWN.has(name)).map((name) => join(socketDir, name))].sort();
}

/** Removes them, and the folders when nothing else is in them. */
export async function removeOwnStateFiles(paths: StatePaths): Promise<void> {
  for (const path of await ownStateFiles(paths)) await rm(path, { recursive: true, force: true });
  // Fails for folders with anything in them, which is what is wanted.
  for (const dir of new Set([paths.dir, dirname(paths.controlSocket)])) await rmdir(dir).catch(() => {});
}
