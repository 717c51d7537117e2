import type { ResolvedConfig } from "../config/types.ts";
import { bundleHash, filesOf, restoreCure } from "../models/bundle.ts";
import { withLocalModels } from "../models/local.ts";
import { inspectModel } from "../models/locate.ts";
import { modelsDir } from "../models/paths.ts";
import type { Precision } from "../models/registry-guard.ts";
import { loadRegistry } from "../models/registry.ts";
import type { CommandContext } from "./command.ts";

/** A model on disk. */
export interface InstalledModel {
  readonly id: string;
  readonly precision: Precision;
  /** Identity of its files. */
  readonly hash: string;
}

/** Downloaded and locally made models that are complete on disk, with the identity of their files. */
export async function installedModels(
  config: ResolvedConfig,
  context: Pick<CommandContext, "env">,
): Promise<InstalledModel[]> {
  const dir = modelsDir(config.model.dir, context.env);
  const registry = await withLocalModels(await loadRegistry(), dir);
  const found: InstalledModel[] = [];
  for (const entry of registry.models.filter(({ source }) => source.kind !== "bundled")) {
    for (const { state, precision } of await inspectModel(entry, dir)) {
      if (state === "complete") {
        const hash = bundleHash(filesOf(entry, precision) ?? []);
        found.push({ id: entry.id, precision, hash });
      }
    }
  }
  return found;
}

/** How to get a model of a backup back, as a sentence of this version: never a text from the backup. */
export async function modelCure({
  id,
  precision,
}: {
  readonly id: string;
  readonly precision: string;
}): Promise<string> {
  const entry = (await loadRegistry()).models.find((model) => model.id === id);
  if (entry === undefined || (precision !== "int8" && precision !== "fp32"))
    return "It was made on the old machine: copy its folder from there, or make it again with gigastt models quantize.";
  return restoreCure(entry, precision);
}
