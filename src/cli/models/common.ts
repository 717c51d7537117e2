import { withLocalModels } from "../../models/local.ts";
import { modelsDir } from "../../models/paths.ts";
import type { ModelEntry, Precision, Registry } from "../../models/registry-guard.ts";
import { findModel, loadRegistry } from "../../models/registry.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";

export const JSON_FLAG: FlagSpec = { type: "boolean", describe: "answer JSON" };
export const PRECISION_FLAG: FlagSpec = {
  type: "string",
  value: "int8|fp32",
  choices: ["int8", "fp32"],
  describe: "which weights",
};

/** What every `models` command needs to know. */
export interface ModelsWorld {
  readonly config: ResolvedConfig;
  readonly registry: Registry;
  /** Folder of the downloaded models. */
  readonly baseDir: string;
}

export async function loadModelsWorld(context: CommandContext): Promise<ModelsWorld> {
  const { config } = await loadCliConfig(context, { quiet: true });
  const baseDir = modelsDir(config.model.dir, context.env);
  return { config, baseDir, registry: await withLocalModels(await loadRegistry(), baseDir) };
}

/** The model named on the command line, if one is. */
export function namedModel(context: CommandContext, registry: Registry): ModelEntry | undefined {
  const [id] = context.positionals;
  return id === undefined ? undefined : findModel(registry, id);
}

/** `--precision`; its choices are checked by the flag parser. */
export function precisionFlag(context: CommandContext): Precision | undefined {
  const value = context.flags["precision"];
  return value === "int8" || value === "fp32" ? value : undefined;
}
