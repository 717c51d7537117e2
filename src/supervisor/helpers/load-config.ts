import type { LoadedConfig, LoadOptions } from "../../config/load.ts";
import { ConfigError } from "../../config/problems/problem.ts";
import type { Place, Problem } from "../../config/problems/problem.ts";
import { entryFile } from "../../shared/process/entry.ts";
import { GigasttError } from "../../shared/errors.ts";
import { askHelper } from "./ask-helper.ts";

/** What the loader process answers, over IPC as JSON. */
export type LoaderAnswer =
  | {
      readonly ok: true;
      readonly loaded: Omit<LoadedConfig, "origins"> & { readonly origins: readonly (readonly [string, Place])[] };
    }
  | { readonly ok: false; readonly problems: readonly Problem[]; readonly source: string | undefined }
  | { readonly ok: false; readonly message: string };

const LOADER_TIMEOUT_MS = 30_000;

/** `loadConfig` in a process of its own: same result, same ConfigError, none of the memory. */
export async function loadConfigInHelper(options: LoadOptions): Promise<LoadedConfig> {
  // From our own entry of the same build.
  const answer = (await askHelper(
    entryFile("supervisor/helpers/load-config-main"),
    options,
    {
      code: "GST_CONFIG_LOADER",
      what: "the configuration cannot be read",
      hint: "is the file on a hanging network disk?",
      timeoutMs: LOADER_TIMEOUT_MS,
    },
    options.env,
  )) as LoaderAnswer;
  if (!answer.ok) {
    if ("problems" in answer) throw new ConfigError(answer.problems, answer.source);
    throw new GigasttError("GST_CONFIG_LOADER", `the configuration cannot be read: ${answer.message}`);
  }
  const { loaded } = answer;
  return {
    config: deepFreeze(loaded.config),
    path: loaded.path,
    hash: loaded.hash,
    warnings: loaded.warnings,
    source: loaded.source,
    origins: new Map(loaded.origins),
  };
}

// ---

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
