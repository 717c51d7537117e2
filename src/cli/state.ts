import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { searchPath } from "../config/file/files.ts";
import type { Problem } from "../config/problems/problem.ts";
import { statePaths } from "../supervisor/state/state-dir.ts";
import { stateDirOf } from "../shared/state-dir.ts";
import type { StatePaths } from "../supervisor/state/state-dir.ts";
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
  if (!(await mayNameStateDir(context))) return statePaths(stateDirOf(undefined, env), env);
  return configuredStatePaths(await stateDirSetting(context), context);
}

/** The paths for a configured directory; undefined = the user's own. */
export function configuredStatePaths(dir: string | undefined, context: CommandContext): StatePaths {
  const asked = context.flags["state-dir"];
  const chosen = typeof asked === "string" ? asked : dir;
  return statePaths(resolve(context.cwd, stateDirOf(chosen, context.env)), context.env);
}

// ---

/**
 * `supervisor.stateDir` as configured. A file with problems elsewhere names it too: `status`, `rollback` and `down` are needed most when
 * the configuration is broken, and the service runs on with the last good one.
 */
async function stateDirSetting(context: CommandContext): Promise<string | undefined> {
  const [{ loadCliConfig, loadOptions }, { ConfigError }] = await Promise.all([
    import("./load-config.ts"),
    import("../config/problems/problem.ts"),
  ]);
  try {
    return (await loadCliConfig(context, { quiet: true })).config.supervisor.stateDir;
  } catch (error) {
    if (!(error instanceof ConfigError) || !error.problems.every(isElsewhere)) throw error;
    const { findFile } = await import("../config/file/files.ts");
    const { parseConfigText } = await import("../config/file/parse.ts");
    const file = await findFile(loadOptions(context));
    const { GIGASTT_SUPERVISOR_STATE_DIR: fromEnv } = context.env;
    if (fromEnv !== undefined || file === undefined) return fromEnv;
    return textAt(parseConfigText(file.bytes, file.shown).raw, ["supervisor", "stateDir"]);
  }
}

/** A problem of the file's contents that leaves `supervisor.stateDir` readable; a file or flag that cannot be used is the caller's mistake. */
function isElsewhere({ code, place, key }: Problem): boolean {
  return place.kind === "file" && code !== "GST_CONFIG_FILE" && key !== "supervisor.stateDir";
}

function textAt(value: unknown, [name, ...rest]: readonly string[]): string | undefined {
  if (name === undefined) return typeof value === "string" ? value : undefined;
  return typeof value === "object" && value !== null ? textAt(Reflect.get(value, name), rest) : undefined;
}

async function mayNameStateDir({ flags, env, cwd }: CommandContext): Promise<boolean> {
  if (flags["set"] !== undefined || env["GIGASTT_SUPERVISOR_STATE_DIR"] !== undefined) return true;
  const named = typeof flags["config"] === "string" ? flags["config"] : env["GIGASTT_CONFIG"];
  // A file that was asked for and cannot be read is the loader's to report.
  if (named !== undefined && named !== "") return namesStateDir(await readOrUndefined(resolve(cwd, named)));
  for (const path of searchPath(env, cwd)) {
    const text = await readOrUndefined(path);
    if (text !== undefined) return namesStateDir(text);
  }
  return false;
}

/** The commented configuration that comes with a checkout says `stateDir: null`, which is the default. */
function namesStateDir(text: string | undefined): boolean {
  return text === undefined || /stateDir\b(?!:\s*null\s*$)/m.test(text);
}

async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
}
