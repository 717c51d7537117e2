import { randomBytes } from "node:crypto";
import { link, rm, stat } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { errorCodeOf, GigasttError } from "../../shared/errors.ts";
import { readJsonFile, writeFileAtomic } from "./files.ts";
import { identify, isAlive, isProcessIdentity } from "../../shared/process-identity.ts";
import type { ProcessIdentity } from "../../shared/process-identity.ts";
import type { StatePaths } from "./state-dir.ts";

/** Who owns a state directory: the content of `supervisor.json`. */
export interface ClaimRecord extends ProcessIdentity {
  readonly startedAt: string;
  readonly controlSocket: string;
  readonly configPath: string | undefined;
  readonly version: string;
}

/** The state directory is ours until `release`. */
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
  const candidate = `${paths.claimFile}.${randomBytes(6).toString("hex")}`;
  await writeFileAtomic(candidate, `${JSON.stringify(record, undefined, 2)}\n`);
  try {
    // Two contenders may meet on a stale claim; link() lets exactly one of them win each round.
    for (let round = 0; round < 100; round++) {
      if (await linkIfFree(candidate, paths.claimFile)) return { record, release: () => release(paths, record) };
      const holder = await readClaim(paths);
      if (holder !== undefined && isAlive(holder)) throw alreadyRunning(paths, holder);
      await retireStaleClaim(paths, candidate);
    }
    throw new GigasttError(
      "GST_STATE_CLAIM",
      `state directory ${paths.dir} could not be claimed: its supervisor.json keeps changing. Look for another gigastt that starts in a loop`,
    );
  } finally {
    await rm(candidate, { force: true });
  }
}

/** The claim on a state directory, living or stale; undefined when there is none that can be read. */
export async function readClaim(paths: StatePaths): Promise<ClaimRecord | undefined> {
  const value = await readJsonFile(paths.claimFile);
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

// ---

async function linkIfFree(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if (errorCodeOf(error) === "EEXIST") return false;
    throw error;
  }
}

/**
 * Removes a stale claim. Only who holds the retire lock may remove one, and looks again under it: a fresh claim that
 * somebody put there meanwhile is never taken away.
 */
async function retireStaleClaim(paths: StatePaths, candidate: string): Promise<void> {
  const lock = `${paths.claimFile}.retire`;
  if (!(await linkIfFree(candidate, lock))) {
    await removeDeadLock(paths, lock);
    await delay(RETRY_MS);
    return;
  }
  try {
    const holder = await readClaim(paths);
    if (holder === undefined || !isAlive(holder)) await rm(paths.claimFile, { force: true });
  } finally {
    await rm(lock, { force: true });
  }
}

/** A contender that was killed within the few milliseconds of a retirement leaves its lock behind. */
async function removeDeadLock(paths: StatePaths, lock: string): Promise<void> {
  const [holder, info] = await Promise.all([
    readClaim({ ...paths, claimFile: lock }),
    stat(lock).catch(() => undefined),
  ]);
  const isOld = info !== undefined && Date.now() - info.ctimeMs > DEAD_LOCK_MS;
  if (isOld && holder !== undefined && !isAlive(holder)) await rm(lock, { force: true });
}

const RETRY_MS = 20;
const DEAD_LOCK_MS = 1000;

async function release(paths: StatePaths, record: ClaimRecord): Promise<void> {
  const holder = await readClaim(paths);
  if (holder?.pid !== record.pid || holder.birth !== record.birth) return;
  // A disk that turned read-only must not spoil the exit: without its process the claim is stale anyway.
  await rm(paths.claimFile, { force: true }).catch(() => {});
}

function alreadyRunning(paths: StatePaths, holder: ClaimRecord): GigasttError {
  return new GigasttError(
    "GST_ALREADY_RUNNING",
    `gigastt already runs in ${paths.dir} (pid ${holder.pid}, since ${holder.startedAt || "unknown"}): see "gigastt status", stop it with "gigastt down", or set another supervisor.stateDir`,
  );
}
