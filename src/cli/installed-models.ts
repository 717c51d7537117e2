import type { ResolvedConfig } from "../config/types.ts";
import { bundleHash, filesOf } from "../models/bundle.ts";
import { withLocalModels } from "../models/local.ts";
import { inspectModel } from "../models/locate.ts";
import { modelsDir } from "../models/paths.ts";
import { loadRegistry } from "../models/registry.ts";
import type { CommandContext } from "./command.ts";

/** Downloaded and locally made models that are complete on disk, with the identity of their files. */
export async function installedModels(
  config: ResolvedConfig,
  context: Pick<CommandContext, "env">,
): Promise<{ id: string; hash: string }[]> {
  const dir = modelsDir(config.model.dir, context.env);
  const registry = await withLocalModels(await loadRegistry(), dir);
  const found: { id: string; hash: string }[] = [];
  for (const entry of registry.models.filter(({ source }) => source.kind !== "bundled")) {
    for (const { state, precision } of await inspectModel(entry, dir)) {
      if (state === "complete")
        found.push({ id: `${entry.id} (${precision})`, hash: bundleHash(filesOf(entry, precision) ?? []) });
    }
  }
  return found;
}
