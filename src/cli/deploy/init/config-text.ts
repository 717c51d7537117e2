import { join, resolve } from "node:path";
import { defaultConfig } from "../../../config/defaults.ts";
import { FILE_NAME, LOCAL_FILE_NAME } from "../../../config/file/files.ts";
import { hashOf, loadConfig } from "../../../config/load.ts";
import { configSchema } from "../../../config/schema/schema.ts";
import { ConfigError } from "../../../config/problems/problem.ts";
import type { ResolvedConfig } from "../../../config/types.ts";
import { editYaml } from "../../../render/text/yaml.ts";
import { GigasttError } from "../../../shared/errors.ts";
import type { CommandContext } from "../../command.ts";
import type { Change } from "./answers.ts";
import { readText } from "./read-text.ts";

/**
 * The file that init writes, absolute: the one named, else the one that is found here, but never the example of a checkout, which an update
 * replaces.
 */
export async function configPath(named: string | undefined, context: CommandContext): Promise<string> {
  const { cwd } = context;
  if (named !== undefined) return resolve(cwd, named);
  const local = join(cwd, LOCAL_FILE_NAME);
  if ((await readText(local)) !== undefined) return local;
  const standard = join(cwd, FILE_NAME);
  const text = await readText(standard);
  if (text?.includes(configSchema.description) !== true) return standard;
  const current = await currentConfig(standard, context);
  return current !== undefined && hashOf(current) === hashOf(defaultConfig) ? local : standard;
}

/** The configuration an earlier run wrote; one that cannot be used suggests nothing and is reported when the new text is checked. */
export async function currentConfig(file: string, { cwd }: CommandContext): Promise<ResolvedConfig | undefined> {
  try {
    return (await loadConfig({ file, env: {}, cwd })).config;
  } catch (error) {
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

/** The file with the changes; comments, order and other keys of an existing one stay. */
export function newConfigText(before: string | undefined, keys: readonly Change[]): string {
  const changes = keys.map(([key, value]) => [key.split("."), value] as const);
  if (before !== undefined && before.trim() !== "") {
    try {
      return editYaml(before, changes);
    } catch {
      throw new GigasttError(
        "GST_CONFIG",
        "the configuration cannot be read as YAML. See `gigastt config check`, correct it, and run init again.",
        { exitCode: 2 },
      );
    }
  }
  return `# yaml-language-server: $schema=./gigastt.schema.json
# Written by gigastt init. Every key and its meaning: gigastt config explain, or gigastt config print --commented.
# After a change: gigastt config check, then gigastt render.
${editYaml("", changes)}`;
}
