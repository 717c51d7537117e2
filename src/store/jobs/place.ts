import { join, resolve } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { stateDirOf } from "../../shared/state-dir.ts";

/** Where jobs are kept. */
export interface JobPlace {
  readonly dir: string;
  readonly databaseFile: string;
  readonly audioDir: string;
}

export function jobPlace(
  { jobs, supervisor }: Pick<ResolvedConfig, "jobs" | "supervisor">,
  env: NodeJS.ProcessEnv,
): JobPlace {
  const dir = resolve(jobs.dir ?? join(stateDirOf(supervisor.stateDir, env), "jobs"));
  return { dir, databaseFile: join(dir, "jobs.sqlite"), audioDir: join(dir, "audio") };
}
