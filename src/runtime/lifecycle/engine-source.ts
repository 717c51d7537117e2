import type { ResolvedConfig } from "../../config/types.ts";
import type { Engine } from "../../engine/contract.ts";
import type { Logger } from "../../shared/log.ts";
import { createDeferredEngine } from "./deferred-engine.ts";

/** The engine the configuration asks for. Nothing is read or loaded before it is started. */
export function createConfiguredEngine(config: ResolvedConfig, env: NodeJS.ProcessEnv, log: Logger): Engine {
  return createDeferredEngine(async () => {
    if (config.engine.kind === "fake") {
      const { createFakeEngine } = await import("../../engine/fake.ts");
      return createFakeEngine();
    }
    const [{ locateModel }, { verifyBundle }, { createEngine }, { optimizedDir }] = await Promise.all([
      import("../../models/locate.ts"),
      import("../../models/verify.ts"),
      import("../../engine/engine.ts"),
      import("../../models/paths.ts"),
    ]);
    const bundle = await locateModel(config.model, { env });
    if (bundle.notice !== undefined) log.warn("model_notice", { model: bundle.id, notice: bundle.notice });
    await verifyBundle(bundle);
    return createEngine({ config, bundle, optimizedDir: optimizedDir(env), rewritesInBackground: true, log });
  });
}
