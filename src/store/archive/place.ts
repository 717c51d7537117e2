import { join, resolve } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { stateDirOf } from "../../shared/state-dir.ts";
import type { PostgresPlace } from "./postgres/link.ts";

/** Where the archive is kept. */
export interface ArchivePlace {
  readonly dir: string;
  readonly databaseFile: string;
  /** Instead of the file. */
  readonly postgres?: PostgresPlace | undefined;
}

export function archivePlace(
  { archive, supervisor }: Pick<ResolvedConfig, "archive" | "supervisor">,
  env: NodeJS.ProcessEnv,
): ArchivePlace {
  const dir = resolve(archive.dir ?? join(stateDirOf(supervisor.stateDir, env), "archive"));
  const { url } = archive.postgres;
  return {
    dir,
    databaseFile: join(dir, "archive.sqlite"),
    postgres: archive.engine === "postgres" && url !== undefined ? { ...archive.postgres, url } : undefined,
  };
}
