import { loadRegistry } from "../../../src/models/registry.ts";
import type { Registry } from "../../../src/models/registry-guard.ts";
import { type MadeModel, makeModel, registryWith } from "./helpers.ts";

/** The installation's registry with GigaAM replaced by a made-up small model, and that model. */
export async function defaultRegistryWith(): Promise<{ model: MadeModel; registry: Registry }> {
  const model = makeModel();
  return { model, registry: registryWith(model, await loadRegistry()) };
}
