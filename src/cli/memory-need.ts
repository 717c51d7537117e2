import type { MemoryNeed } from "../checks/machine/memory.ts";
import { derive } from "../config/derived.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { installedModelMemory } from "../models/memory.ts";

const MIB = 2 ** 20;

/** What the configuration needs at most, with the model that is installed. */
export async function memoryNeed(config: ResolvedConfig, env: NodeJS.ProcessEnv): Promise<MemoryNeed> {
  const model = await installedModelMemory(config.model, env);
  const { serverMemoryMiB, unit } = derive(config, model);
  return {
    serverBytes: serverMemoryMiB * MIB,
    handoverBytes: unit.memoryMiB * MIB,
    model: model === undefined ? undefined : `${model.id} (${model.precision})`,
  };
}
