import { loadConfig } from "../../../config/load.ts";
import { ConfigError } from "../../../config/problem.ts";
import type { ResolvedConfig } from "../../../config/types.ts";
import { editYaml } from "../../../render/yaml.ts";
import { GigasttError } from "../../../shared/errors.ts";
import type { CommandContext } from "../../command.ts";
import type { Change } from "./answers.ts";

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
        "gigastt.config.yaml cannot be read as YAML. See `gigastt config check`, mend it, and run init again.",
        { exitCode: 2 },
      );
    }
  }
  return `# yaml-language-server: $schema=./gigastt.schema.json
# Written by gigastt init. Every key and its meaning: gigastt config explain, or gigastt config print --commented.
# After a change: gigastt config check, then gigastt render.
${editYaml("", changes)}`;
}
