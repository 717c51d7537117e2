import { readlinkSync } from "node:fs";
import { utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { GigasttError } from "../shared/errors.ts";
import { takeLock } from "../shared/process/lock-file.ts";
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from "../shared/process/process-identity.ts";
import { setInterval } from "../shared/time/timers.ts";

export interface FolderLock {
  release(): Promise<void>;
}

const LOCK_NAME = ".gigastt-pull.lock";
const HEARTBEAT_MS = 5000;
/** A holder whose process is not visible (another machine or container) is dead after this long without a heartbeat. */
const FOREIGN_STALE_MS = 60_000;
/** Unreadable content: another program's file or a torn write. Time for a writer to finish. */
const UNREADABLE_STALE_MS = 10_000;

interface Holder extends ProcessIdentity {
  /** Host and PID namespace: process ids mean something only inside of it. */
  readonly space: string;
}

/**
 * Keeps a second process from writing the same model folder.
 * @throws GigasttError `GST_MODEL_LOCKED` while another process holds it.
 */
export async function lockFolder(dir: string): Promise<FolderLock> {
  const path = join(dir, LOCK_NAME);
  const self = identify(process.pid) ?? { pid: process.pid, birth: "unknown" };
  const space = processSpace();
  const lock = await takeLock({
    path,
    text: `${JSON.stringify({ ...self, space } satisfies Holder)}\n`,
    mode: 0o644,
    parse: parseHolder,
    isStale: (holder, ageMs) => {
      if (holder === undefined) return ageMs > UNREADABLE_STALE_MS;
      return holder.space === space ? !isAlive(holder) : ageMs > FOREIGN_STALE_MS;
    },
  });
  if (!lock.taken) throw locked(dir, lock.holder);
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release: async () => {
      clearInterval(heartbeat);
      await lock.release();
    },
  };
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (!isProcessIdentity(value) || !("space" in value) || typeof value.space !== "string") return undefined;
    return { pid: value.pid, birth: value.birth, space: value.space };
  } catch {
    return undefined;
  }
}

function processSpace(): string {
  let namespace = "";
  try {
    namespace = readlinkSync("/proc/self/ns/pid");
  } catch {
    // Not Linux: the host name alone.
  }
  return `${hostname()} ${namespace}`;
}

function locked(dir: string, holder: Holder | undefined): GigasttError {
  const who = holder === undefined ? "another process" : `process ${holder.pid} on ${holder.space.split(" ")[0]}`;
  return new GigasttError(
    "GST_MODEL_LOCKED",
    `${who} is writing the models in ${dir}. Wait until it is finished, or stop it, and run the command again.`,
  );
}
