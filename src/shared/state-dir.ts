import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

/** Returns the state folder of a configuration (`supervisor.stateDir`), else the user's own. Everything that is kept below it is found by this. */
export function stateDirOf(configured: string | undefined, env: NodeJS.ProcessEnv): string {
  return configured ?? defaultStateDir(env);
}

// ---

/** Returns `$XDG_STATE_HOME/gigastt`, or `~/.local/state/gigastt`. A relative XDG value is ignored, as its specification says. */
function defaultStateDir(env: NodeJS.ProcessEnv): string {
  const xdg = env["XDG_STATE_HOME"];
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(env["HOME"] ?? homedir(), ".local", "state");
  return join(base, "gigastt");
}
