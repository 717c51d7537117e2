// Entry of the process that downloads a model for the supervisor: it ends, and its memory with it.
import type { ModelConfig } from "../../config/types.ts";
import { modelsDir } from "../../models/paths.ts";
import { defaultPullTuning, pullModel } from "../../models/pull.ts";
import { loadRegistry } from "../../models/registry.ts";
import { wantedModel, wantedPrecision } from "../../models/wanted.ts";
import { messageOf } from "../../shared/errors.ts";
import type { PullerMessage } from "./pull.ts";

process.once("message", (config: ModelConfig) => {
  let sent = Promise.resolve();
  const tell = (message: PullerMessage): void => {
    // In order: the last one is sent when all are.
    sent = new Promise((resolve) => process.send?.(message, undefined, undefined, () => resolve()));
  };
  void pull(config, tell)
    .catch((error: unknown) => tell({ failed: messageOf(error) }))
    .then(() => sent)
    .finally(() => process.disconnect());
});

async function pull(config: ModelConfig, tell: (message: PullerMessage) => void): Promise<void> {
  const entry = wantedModel(config, await loadRegistry());
  await pullModel({
    entry,
    precision: wantedPrecision(config, entry),
    baseDir: modelsDir(config.dir, process.env),
    from: config.mirror,
    cwd: process.cwd(),
    offline: config.offline,
    env: process.env,
    // The supervisor ends this process; the part on the disk stays.
    signal: new AbortController().signal,
    onEvent: (event) => tell({ event }),
    tuning: defaultPullTuning,
  });
}
