import { defaultConfig } from "./defaults.ts";
import { hashOf } from "./load.ts";
import type { ResolvedConfig } from "./types.ts";

/** Sections that decide what a job's result is and what it may use: the same on every replica. */
const SHARED = ["model", "engine", "stream", "limits", "subtitles", "auth"] as const;

/** Returns the hash of the settings that replicas with the same jobs must have in common; their roles and sizes are their own. */
export function sharedHashOf(config: ResolvedConfig): string {
  const shared = Object.fromEntries(SHARED.map((name) => [name, config[name]]));
  const { role, parallel, dir } = defaultConfig.jobs;
  const { workers, threads } = defaultConfig.engine;
  return hashOf({
    ...defaultConfig,
    ...shared,
    model: { ...config.model, dir: undefined },
    engine: { ...config.engine, workers, threads },
    jobs: { ...config.jobs, role, parallel, dir },
    archive: { ...config.archive, dir: defaultConfig.archive.dir },
  });
}
