import type { LoadedConfig } from "../../config/load.ts";
import type { RenderHow } from "../companions/proxy-files.ts";
import { readIntact, renderedDir } from "../config/rendered-set.ts";
import type { KeptFile } from "../config/rendered-set.ts";
import { renderInHelper } from "./render.ts";
import type { SetAnswer } from "./render.ts";

/** Brings the set of `gigastt render` in line with the configuration: what is there and was not edited. Undefined when there is none. */
export async function renderSet(
  { path, config, hash }: LoadedConfig,
  { write, kept }: RenderHow,
  about: { readonly toolVersion: string; readonly env: NodeJS.ProcessEnv },
): Promise<SetAnswer | undefined> {
  const setDir = renderedDir(path);
  if (setDir === undefined || (await readIntact(setDir)).length === 0) return undefined;
  const source = { toolVersion: about.toolVersion, configHash: hash };
  return (await renderInHelper({ config, source, write, env: about.env, kept, proxy: undefined, setDir })).set;
}

/** The set as it is now, for a generation. */
export async function keptSet({ path }: LoadedConfig): Promise<readonly KeptFile[]> {
  const setDir = renderedDir(path);
  return setDir === undefined ? [] : readIntact(setDir);
}
