import { resolve } from "node:path";
import type { ResolvedConfig } from "./types.ts";

/** Makes the folders of what is kept absolute: the supervised runtime has a working directory of its own, and the commands have another. */
export function withAbsoluteFolders(config: ResolvedConfig, cwd: string): ResolvedConfig {
  const { model, supervisor, store, jobs, archive } = config;
  const absolute = (dir: string | undefined): string | undefined =>
    dir === undefined || dir === "" ? dir : resolve(cwd, dir);
  return Object.freeze({
    ...config,
    model: Object.freeze({ ...model, dir: absolute(model.dir) }),
    supervisor: Object.freeze({ ...supervisor, stateDir: absolute(supervisor.stateDir) }),
    store: Object.freeze({ ...store, dir: absolute(store.dir) }),
    jobs: Object.freeze({ ...jobs, dir: absolute(jobs.dir) }),
    archive: Object.freeze({ ...archive, dir: absolute(archive.dir) }),
  });
}
