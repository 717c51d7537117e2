import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { errorCodeOf } from "./errors.ts";

export interface AtomicWriteOptions {
  /** Permissions of the new file, whatever the umask; default owner only. */
  readonly mode?: number;
  /** Flush file and name to the disk, default true: without it a power cut may leave an empty file, or the old one. */
  readonly sync?: boolean;
  /** Make missing folders. */
  readonly makeFolder?: boolean;
}

/**
 * Replaces a file in one step: readers see the old content or the new one, never a part of it.
 * The temporary file lies next to it, so the rename stays within one file system.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  { mode = 0o600, sync = true, makeFolder = false }: AtomicWriteOptions = {},
): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.tmp`);
  if (makeFolder) await makeFolderDurably(dirname(path));
  try {
    const handle = await open(temporary, "wx", mode);
    try {
      await handle.writeFile(content);
      if (sync) await handle.sync();
    } finally {
      await handle.close();
    }
    // The umask may have taken bits away at creation.
    await chmod(temporary, mode);
    await (sync ? renameDurably : rename)(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Renames, and returns when the new name is on the disk. What lies below `from` must have been flushed before. */
export async function renameDurably(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(dirname(to));
}

/** Makes a folder with its missing parents, and returns when their names are on the disk. */
export async function makeFolderDurably(dir: string, mode?: number): Promise<void> {
  const first = await mkdir(dir, { recursive: true, mode });
  if (first === undefined) return;
  for (let at = resolve(dir); at.length >= first.length; at = dirname(at)) await syncFolder(dirname(at));
}

/** Flushes the names in a folder: a file is only durable when its name is. Some file systems cannot; there is nothing to do then. */
export async function syncFolder(dir: string): Promise<void> {
  try {
    const handle = await open(dir, "r");
    await handle.sync().finally(() => handle.close());
  } catch (error) {
    if (!["EINVAL", "ENOTSUP", "EPERM", "EACCES", "EISDIR"].includes(errorCodeOf(error) ?? "")) throw error;
  }
}

/** Returns the parsed JSON of a file; undefined when it is missing or is not JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}
