import { join, resolve } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { stateDirOf } from "../../shared/state-dir.ts";

/** Where the archive of one machine is kept. */
export interface ArchivePlace {
  readonly dir: string;
  readonly databaseFile: string;
}

export function archivePlace(
  { archive, supervisor }: Pick<ResolvedConfig, "archive" | "supervisor">,
  env: NodeJS.ProcessEnv,
): ArchivePlace {
  const dir = resolve(archive.dir ?? join(stateDirOf(supervisor.stateDir, env), "archive"));
  return { dir, databaseFile: join(dir, "archive.sqlite") };
}
