import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { searchPath } from "../config/files.ts";
import { defaultStateDir, statePaths } from "../supervisor/state-dir.ts";
import type { StatePaths } from "../supervisor/state-dir.ts";
import type { CommandContext, FlagSpec } from "./command.ts";

/** For every command that talks to a supervisor. */
export const STATE_FLAGS: Readonly<Record<string, FlagSpec>> = {
  "state-dir": {
    type: "string",
    value: "DIR",
    describe: "state folder of the supervisor, short for --set supervisor.stateDir=…",
  },
};

/**
 * The state directory the command line means: `--state-dir`, else `supervisor.stateDir` from flags, variables or the file, else the
 * user's own. The configuration is read only where it can matter: `status` must answer without loading YAML and validator.
 */
export async function findStatePaths(context: CommandContext): Promise<StatePaths> {
  const { flags, env, cwd } = context;
  const asked = flags["state-dir"];
  if (typeof asked === "string") return statePaths(resolve(cwd, asked), env);
  if (!(await mayNameStateDir(context))) return statePaths(defaultStateDir(env), env);
  const { loadCliConfig } = await import("./load-config.ts");
  const { config } = await loadCliConfig(context, { quiet: true });
  return configuredStatePaths(config.supervisor.stateDir, context);
}

/** The paths for a configured directory; undefined = the user's own. */
export function configuredStatePaths(dir: string | undefined, context: CommandContext): StatePaths {
  const asked = context.flags["state-dir"];
  const chosen = typeof asked === "string" ? asked : dir;
  return statePaths(chosen === undefined ? defaultStateDir(context.env) : resolve(context.cwd, chosen), context.env);
}

// ---

async function mayNameStateDir({ flags, env, cwd }: CommandContext): Promise<boolean> {
  if (flags["set"] !== undefined || env["GIGASTT_SUPERVISOR_STATE_DIR"] !== undefined) return true;
  const named = typeof flags["config"] === "string" ? flags["config"] : env["GIGASTT_CONFIG"];
  // A file that was asked for and cannot be read is the loader's to report.
  if (named !== undefined && named !== "")
    return (await readOrUndefined(resolve(cwd, named)))?.includes("stateDir") ?? true;
  for (const path of searchPath(env, cwd)) {
    const text = await readOrUndefined(path);
    if (text !== undefined) return text.includes("stateDir");
  }
  return false;
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
