import { resolve } from "node:path";
import { OPENING_KEYS } from "../config/former-names.ts";
import { loadConfig, type LoadedConfig } from "../config/load.ts";
import { configSchema } from "../config/schema/schema.ts";
import { printable } from "../shared/text/printable.ts";
import type { CommandContext, FlagSpec } from "./command.ts";
import { formerFlags } from "./former-flags.ts";
import { paintFor } from "./output.ts";
import { renderProblems } from "./problems.ts";
import { UsageError } from "./usage.ts";

const FORMER_FLAGS = formerFlags(configSchema);

/** Flags of the commands that serve; each is short for a `--set`. Those of the Rust server work too, without standing in the help. */
export const SERVER_FLAGS: Readonly<Record<string, FlagSpec>> = {
  ...Object.fromEntries(
    [...FORMER_FLAGS].map(([name, { key, alone, multiple }]): [string, FlagSpec] => [
      name,
      { type: alone === undefined ? "string" : "boolean", multiple, describe: "", guarded: OPENING_KEYS.has(key) },
    ]),
  ),
  host: { type: "string", value: "ADDRESS", describe: "listening address, short for --set server.host=…" },
  port: { type: "string", short: "p", value: "PORT", describe: "listening port, short for --set server.port=…" },
  "allow-bind-any": {
    type: "boolean",
    describe: "allow a host other than loopback, short for --set server.allowBindAny=true",
    guarded: true,
  },
};

/** The configuration as the context's flags, variables and files give it. Warnings go to stderr; problems are thrown as ConfigError. */
export async function loadCliConfig(context: CommandContext, options: { quiet?: boolean } = {}): Promise<LoadedConfig> {
  const loaded = await loadConfig(loadOptions(context));
  if (options.quiet !== true && loaded.warnings.length > 0) {
    context.stderr.write(`${renderProblems(loaded.warnings, undefined, paintFor(context.stderr, context))}\n`);
  }
  return loaded;
}

/** What `loadConfig` needs, out of `--config`, `--set`, `--state-dir` and the server flags. */
export function loadOptions(context: CommandContext): Parameters<typeof loadConfig>[0] {
  const { flags, env, cwd } = context;
  const overrides: Record<string, string> = {};
  const flagNames: Record<string, string> = {};
  const set = (key: string, value: string, flag: string): void => {
    overrides[key] = value;
    flagNames[key] = flag;
  };
  const sets = flags["set"];
  for (const pair of Array.isArray(sets) ? sets : []) {
    const equals = pair.indexOf("=");
    if (equals < 1)
      throw new UsageError([`--set needs KEY=VALUE, found "${printable(pair)}"; for example --set pool.size=8`], []);
    set(pair.slice(0, equals).trim(), pair.slice(equals + 1), "--set");
  }
  // The runtime, the keys and the jobs find their folders by the configuration alone.
  const stateDir = flags["state-dir"];
  if (typeof stateDir === "string") set("supervisor.stateDir", resolve(cwd, stateDir), "--state-dir");
  for (const [flag, { key, alone, unit }] of FORMER_FLAGS) {
    const value = flags[flag];
    if (value === undefined || value === false) continue;
    const text = value === true ? (alone ?? "true") : Array.isArray(value) ? value.join(",") : String(value);
    set(key, /^\d+$/.test(text) ? `${text}${unit}` : text, `--${flag}`);
  }
  return { file: typeof flags["config"] === "string" ? flags["config"] : undefined, env, overrides, flagNames, cwd };
}
