import { randomBytes } from "node:crypto";
import { link, open, readFile, rm, stat } from "node:fs/promises";
import { errorCodeOf } from "../errors.ts";
import { sleep } from "../time/timers.ts";

export interface LockOptions<Holder> {
  readonly path: string;
  /** Content of the file: says who holds the lock. */
  readonly text: string;
  readonly mode: number;
  readonly parse: (text: string) => Holder | undefined;
  /** True when the lock may be taken over: its holder is gone, or its content cannot be read and is not new. */
  readonly isStale: (holder: Holder | undefined, ageMs: number) => boolean;
}

export type LockResult<Holder> =
  /** `release` removes the lock if it is still this one. */
  | { readonly taken: true; readonly release: () => Promise<void> }
  /** `holder` is undefined when the lock changes hands faster than it can be read. */
  | { readonly taken: false; readonly holder: Holder | undefined };

const ROUNDS = 100;
const ROUND_MS = 20;
/** Removing a stale lock takes milliseconds: a guard of this age belongs to a process that died in between. */
const GUARD_STALE_MS = 1000;
/** The same where the guard's process cannot be seen: another machine or container. */
const FOREIGN_GUARD_STALE_MS = 10_000;

/** Takes a lock file for this process. The lock of a process that died, also by SIGKILL or power loss, is taken over. */
export async function takeLock<Holder>(options: LockOptions<Holder>): Promise<LockResult<Holder>> {
  const { path, text, parse, isStale } = options;
  for (let round = 0; round < ROUNDS; round++) {
    if (await createWhole(path, options)) return { taken: true, release: () => release(path, text) };
    const found = await readText(path);
    if (found === undefined) continue;
    const holder = parse(found);
    if (!isStale(holder, (await ageOf(path)) ?? 0)) return { taken: false, holder };
    await removeStale(options, found);
  }
  return { taken: false, holder: undefined };
}

/** Only one process at a time removes, and looks again: a lock that another process has just taken is never removed. */
async function removeStale<Holder>(options: LockOptions<Holder>, found: string): Promise<void> {
  const { path, parse, isStale } = options;
  const guard = `${path}.break`;
  if (!(await createWhole(guard, options))) {
    const ageMs = (await ageOf(guard)) ?? 0;
    const isDead = isStale(parse((await readText(guard)) ?? ""), ageMs);
    if (ageMs > FOREIGN_GUARD_STALE_MS || (ageMs > GUARD_STALE_MS && isDead)) await rm(guard, { force: true });
    await sleep(ROUND_MS);
    return;
  }
  try {
    if ((await readText(path)) === found) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

/** Creates the file with its whole content in one step, so that no reader sees half of it. False = it exists. */
async function createWhole(path: string, content: Pick<LockOptions<unknown>, "text" | "mode">): Promise<boolean> {
  const candidate = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    await write(candidate, content);
    await link(candidate, path);
    return true;
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === "EEXIST") return false;
    // FAT and some network shares have no hard links.
    if (code === "EPERM" || code === "ENOTSUP" || code === "ENOSYS" || code === "EMLINK") {
      return write(path, content).then(
        () => true,
        (failure: unknown) => {
          if (errorCodeOf(failure) === "EEXIST") return false;
          throw failure;
        },
      );
    }
    throw error;
  } finally {
    await rm(candidate, { force: true });
  }
}

/** Flushed to the disk: after a power cut the file is whole or absent. */
async function write(path: string, { text, mode }: Pick<LockOptions<unknown>, "text" | "mode">): Promise<void> {
  const handle = await open(path, "wx", mode);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function release(path: string, text: string): Promise<void> {
  // A disk that turned read-only must not spoil the exit: without its process the lock is stale anyway.
  if ((await readText(path)) === text) await rm(path, { force: true }).catch(() => {});
}

async function ageOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs,
    () => undefined,
  );
}

async function readText(path: string): Promise<string | undefined> {
  return readFile(path, "utf8").catch(() => undefined);
}
