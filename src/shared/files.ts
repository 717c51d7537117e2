import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

export interface AtomicWriteOptions {
  /** Permissions of the new file, whatever the umask; default owner only. */
  readonly mode?: number;
  /** Flush to the disk before the rename, default true: without it a power cut may leave an empty file. */
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
  if (makeFolder) await mkdir(dirname(path), { recursive: true });
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
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
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
