import { join, resolve } from "node:path";
import type { ResolvedConfig } from "../config/types.ts";
import { stateDirOf } from "../shared/state-dir.ts";

/** Returns the folder of the store: `store.dir`, else `store` in the state folder. */
export function storeDir(
  { store, supervisor }: Pick<ResolvedConfig, "store" | "supervisor">,
  env: NodeJS.ProcessEnv,
): string {
  return resolve(store.dir ?? join(stateDirOf(supervisor.stateDir, env), "store"));
}

/** Returns the file of the API keys. */
export function keysFile(dir: string): string {
  return join(dir, "keys.sqlite");
}
