import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Returns `$XDG_STATE_HOME/gigastt`, or `~/.local/state/gigastt`. A relative XDG value is ignored, as its specification says. */
export function defaultStateDir(env: NodeJS.ProcessEnv): string {
  const xdg = env["XDG_STATE_HOME"];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env["HOME"] ?? homedir(), ".local", "state");
  return join(base, "gigastt");
}
