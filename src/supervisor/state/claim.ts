import { GigasttError } from "../../shared/errors.ts";
import { takeLock } from "../../shared/process/lock-file.ts";
import { readJsonFile } from "../../shared/files.ts";
import { identify, isAlive, isProcessIdentity } from "../../shared/process/process-identity.ts";
import type { ProcessIdentity } from "../../shared/process/process-identity.ts";
import type { StatePaths } from "./state-dir.ts";

/** Who owns a state directory: the content of `supervisor.json`. */
export interface ClaimRecord extends ProcessIdentity {
  readonly startedAt: string;
  readonly controlSocket: string;
  readonly configPath: string | undefined;
  readonly version: string;
}

/** The state directory is claimed until `release`. */
export interface Claim {
  readonly record: ClaimRecord;
  /** Removes the claim if it is still ours. */
  release(): Promise<void>;
}

/**
 * Takes the state directory for this process; throws `GST_ALREADY_RUNNING` while another supervisor lives in it.
 * A claim whose process is gone (killed, power cut, pid reused) is taken over.
 */
export async function claimStateDir(
  paths: StatePaths,
  about: { readonly configPath: string | undefined; readonly version: string },
): Promise<Claim> {
  const self = identify(process.pid);
  if (self === undefined)
    throw new GigasttError(
      "GST_STATE_CLAIM",
      "this process cannot find itself in the process table: is /proc mounted?",
    );
  const record: ClaimRecord = {
    ...self,
    startedAt: new Date().toISOString(),
    controlSocket: paths.controlSocket,
    configPath: about.configPath,
    version: about.version,
  };
  // Its content is complete as soon as it exists: what cannot be read is not the claim of a living supervisor.
  const lock = await takeLock({
    path: paths.claimFile,
    text: `${JSON.stringify(record, undefined, 2)}\n`,
    mode: 0o600,
    parse: (text) => parseClaim(paths, jsonOf(text)),
    isStale: (holder) => holder === undefined || !isAlive(holder),
  });
  if (lock.taken) return { record, release: lock.release };
  if (lock.holder !== undefined) throw alreadyRunning(paths, lock.holder);
  throw new GigasttError(
    "GST_STATE_CLAIM",
    `state directory ${paths.dir} could not be claimed: its supervisor.json keeps changing. Look for another gigastt that starts in a loop`,
  );
}

/** The claim on a state directory, living or stale; undefined when there is none that can be read. */
export async function readClaim(paths: StatePaths): Promise<ClaimRecord | undefined> {
  return parseClaim(paths, await readJsonFile(paths.claimFile));
}

// ---

function parseClaim(paths: StatePaths, value: unknown): ClaimRecord | undefined {
  if (!isProcessIdentity(value)) return undefined;
  const text = (key: string): string | undefined => {
    const found: unknown = Reflect.get(value, key);
    return typeof found === "string" ? found : undefined;
  };
  return {
    pid: value.pid,
    birth: value.birth,
    startedAt: text("startedAt") ?? "",
    controlSocket: text("controlSocket") ?? paths.controlSocket,
    configPath: text("configPath"),
    version: text("version") ?? "",
  };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function alreadyRunning(paths: StatePaths, holder: ClaimRecord): GigasttError {
  return new GigasttError(
    "GST_ALREADY_RUNNING",
    `gigastt is already running in ${paths.dir} (pid ${holder.pid}, since ${holder.startedAt || "unknown"}): see "gigastt status", stop it with "gigastt down", or set another supervisor.stateDir`,
  );
}
