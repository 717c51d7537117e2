import type { ResolvedConfig } from "../config/types.ts";
import type { Engine } from "../engine/contract.ts";
import { entryFile } from "../shared/entry.ts";
import { GigasttError } from "../shared/errors.ts";
import type { Logger } from "../shared/log.ts";
import { createDeferredEngine } from "./deferred-engine.ts";

/** The engine the configuration asks for. Nothing is read or loaded before it is started. */
export function createConfiguredEngine(config: ResolvedConfig, env: NodeJS.ProcessEnv, log: Logger): Engine {
  return createDeferredEngine(async () => {
    if (config.engine.kind === "fake") return make("engine/fake", "createFakeEngine", {});
    const [{ locateModel }, { verifyBundle }] = await Promise.all([
      import("../models/locate.ts"),
      import("../models/verify.ts"),
    ]);
    const bundle = await locateModel(config.model, { env });
    if (bundle.notice !== undefined) log.warn("model_notice", { model: bundle.id, notice: bundle.notice });
    await verifyBundle(bundle);
    return make("engine/engine", "createEngine", { config, bundle, log });
  });
}

async function make(file: string, name: string, options: object): Promise<Engine> {
  const module: unknown = await import(entryFile(file).href);
  const create: unknown = typeof module === "object" && module !== null ? Reflect.get(module, name) : undefined;
  if (typeof create !== "function") throw new GigasttError("GST_BUILD", `the build has no ${file}; run npm run build`);
  return Reflect.apply(create, undefined, [options]) as Engine; // its own contract test proves the shape
}
