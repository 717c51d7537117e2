import { locateModel } from "../../models/locate.ts";
import { findModel, loadRegistry } from "../../models/registry.ts";
import { withLocalModels } from "../../models/local.ts";
import { modelsDir } from "../../models/paths.ts";
import { readableBytes } from "../../shared/units.ts";
import { type Check, fail, ok, warn } from "./check.ts";

/** What the process needs beside the weights. */
const PROCESS_BYTES = 150_000_000;

/** Free memory against what the model in use needs. */
export const memory: Check = {
  name: "memory",
  run: async ({ system, config, env }) => {
    const availableBytes = await system.availableMemoryBytes();
    const registry = await withLocalModels(await loadRegistry(), modelsDir(config.model.dir, env));
    const bundle = await locateModel(config.model, { env, registry }).catch(() => undefined);
    const available = `${readableBytes(availableBytes)} available`;
    if (bundle === undefined) return ok(available);
    const perWorkerBytes = findModel(registry, bundle.id).precisions[bundle.precision]?.memoryBytes ?? 0;
    const workers = config.engine.workers === "auto" ? 1 : config.engine.workers;
    const neededBytes = PROCESS_BYTES + workers * perWorkerBytes;
    const text = `${available}, ${bundle.id} (${bundle.precision}) needs about ${readableBytes(neededBytes)}${workers === 1 ? "" : ` for ${workers} workers`}`;
    const cure =
      bundle.precision === "fp32"
        ? "Use int8 weights, fewer engine.workers, or more memory."
        : "Use fewer engine.workers, or more memory.";
    if (availableBytes < neededBytes) return fail(text, cure);
    return availableBytes < neededBytes * 1.5 ? warn(`${text}: little is left for long files`, cure) : ok(text);
  },
};
