import type { ModelMemory } from "../config/memory.ts";
import type { ModelConfig } from "../config/types.ts";
import { withLocalModels } from "./local.ts";
import { locateModel } from "./locate.ts";
import { modelsDir } from "./paths.ts";
import { findModel, loadRegistry } from "./registry.ts";

/** Returns what a worker takes of the model that the configuration finds on this machine; undefined when there is none. */
export async function installedModelMemory(
  config: ModelConfig,
  env: NodeJS.ProcessEnv,
): Promise<ModelMemory | undefined> {
  const registry = await withLocalModels(await loadRegistry(), modelsDir(config.dir, env));
  const bundle = await locateModel(config, { env, registry }).catch(() => undefined);
  if (bundle === undefined) return undefined;
  const workerBytes = findModel(registry, bundle.id).precisions[bundle.precision]?.memoryBytes;
  return workerBytes === undefined ? undefined : { id: bundle.id, precision: bundle.precision, workerBytes };
}
