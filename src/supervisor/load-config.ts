import { fork } from "node:child_process";
import type { LoadedConfig, LoadOptions } from "../config/load.ts";
import { ConfigError } from "../config/problem.ts";
import type { Place, Problem } from "../config/problem.ts";
import { entryFile } from "../shared/entry.ts";
import { GigasttError } from "../shared/errors.ts";

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
export async function loadConfigApart(options: LoadOptions): Promise<LoadedConfig> {
  const answer = await askLoader(options);
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

function askLoader(options: LoadOptions): Promise<LoaderAnswer> {
  return new Promise((resolve, reject) => {
    const child = fork(entryFile("supervisor/config-loader"), [], {
      // The variables are part of the options; the process itself needs none of them but the path to its libraries.
      execArgv: [],
      serialization: "json",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
    });
    let errors = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      errors = (errors + text).slice(-2000);
    });
    const fail = (reason: string): void => {
      clearTimeout(timer);
      reject(new GigasttError("GST_CONFIG_LOADER", `the configuration cannot be read: ${reason}`));
    };
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(`its reader did not answer within ${LOADER_TIMEOUT_MS / 1000} s; is the file on a hanging network disk?`);
    }, LOADER_TIMEOUT_MS);
    child.once("error", (error) => fail(error.message));
    child.once("exit", (code, signal) => fail(`its reader ended with ${signal ?? code}: ${errors.trim()}`));
    child.once("message", (message) => {
      clearTimeout(timer);
      // From our own entry of the same build.
      resolve(message as LoaderAnswer);
    });
    child.send({ ...options });
  });
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) deepFreeze(child);
  }
  return value;
}
