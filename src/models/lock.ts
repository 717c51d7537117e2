import { randomBytes } from "node:crypto";
import { readlinkSync } from "node:fs";
import { link, open, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { GigasttError } from "../shared/errors.ts";
import { identify, isAlive, isProcessIdentity, type ProcessIdentity } from "../shared/process-identity.ts";

export interface FolderLock {
  release(): Promise<void>;
}

const LOCK_NAME = ".gigastt-pull.lock";
const HEARTBEAT_MS = 5000;
/** A holder whose process we cannot see (another machine or container) is dead after this long without a heartbeat. */
const FOREIGN_STALE_MS = 60_000;
const BREAK_STALE_MS = 10_000;

interface Holder extends ProcessIdentity {
  /** Host and PID namespace: process ids mean something only inside of it. */
  readonly space: string;
}

/**
 * Keeps a second process from writing the same model folder. The lock of a process that died (also by SIGKILL or power loss) is taken over.
 * @throws GigasttError `GST_MODEL_LOCKED` while another process holds it.
 */
export async function lockFolder(dir: string): Promise<FolderLock> {
  const path = join(dir, LOCK_NAME);
  const self = identify(process.pid) ?? { pid: process.pid, birth: "unknown" };
  const text = `${JSON.stringify({ ...self, space: processSpace() } satisfies Holder)}\n`;
  for (let round = 0; round < 20; round++) {
    if (await createExclusive(path, text)) return hold(path, text);
    await breakIfStale(path);
  }
  throw locked(dir, undefined);
}

function hold(path: string, text: string): FolderLock {
  const heartbeat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, HEARTBEAT_MS);
  heartbeat.unref();
  return {
    release: async () => {
      clearInterval(heartbeat);
      if ((await readText(path)) === text) await rm(path, { force: true });
    },
  };
}

/** Creates the file with its whole content in one step, so that nobody ever reads half a lock. False = it exists. */
async function createExclusive(path: string, text: string): Promise<boolean> {
  const temporary = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await writeFile(temporary, text, { mode: 0o644 });
    await link(temporary, path);
    return true;
  } catch (error) {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    if (code === "EEXIST") return false;
    // FAT and some network shares have no hard links.
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS" || code === "EMLINK")
      return createPlain(path, text);
    throw error;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function createPlain(path: string, text: string): Promise<boolean> {
  try {
    const handle = await open(path, "wx", 0o644);
    await handle.writeFile(text).finally(() => handle.close());
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return false;
    throw error;
  }
}

/** Removes the lock of a dead holder; throws for a living one. Only one process at a time removes: the guard file serialises them. */
async function breakIfStale(path: string): Promise<void> {
  const text = await readText(path);
  if (text === undefined) return;
  const holder = parseHolder(text);
  if (!(await isStale(path, holder))) throw locked(path.slice(0, -LOCK_NAME.length - 1), holder);
  const guard = `${path}.break`;
  if (!(await createExclusive(guard, text))) {
    const ageMs = await ageOf(guard);
    if (ageMs !== undefined && ageMs > BREAK_STALE_MS) await rm(guard, { force: true });
    await sleep(50);
    return;
  }
  try {
    if ((await readText(path)) === text) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

async function isStale(path: string, holder: Holder | undefined): Promise<boolean> {
  const ageMs = (await ageOf(path)) ?? 0;
  // Unreadable content: somebody else's file or a torn write; give a writer time to finish.
  if (holder === undefined) return ageMs > BREAK_STALE_MS;
  return holder.space === processSpace() ? !isAlive(holder) : ageMs > FOREIGN_STALE_MS;
}

async function ageOf(path: string): Promise<number | undefined> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch {
    return undefined;
  }
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch {
    return undefined;
  }
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
