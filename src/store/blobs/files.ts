import { mkdir, open, readFile, readdir, rm, stat, statfs } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../../shared/errors.ts";
import { makeFolderDurably, renameDurably } from "../../shared/files.ts";

/** Parts are large enough to be few and small enough to be held in memory. */
export const PART_BYTES: number = 8 * 2 ** 20;

/** Audio of jobs, in numbered parts. */
export interface Blobs {
  /** Durable when it resolves; replaces a part of the same number. */
  write(id: string, part: number, bytes: Uint8Array): Promise<void>;
  read(id: string, part: number): Promise<Uint8Array>;
  /** Returns the bytes of the parts from the first one up to a gap or an incomplete one. */
  size(id: string): Promise<number>;
  /** Deletes all parts; without any it does nothing. */
  remove(id: string): Promise<void>;
  ids(): Promise<readonly string[]>;
  freeBytes(): Promise<number>;
}

/** What a job may be called: it becomes the name of a folder. */
const ID = /^[0-9a-zA-Z-]{1,64}$/;

/** Returns the name of the file of a part. */
export function partName(part: number): string {
  return String(part).padStart(5, "0");
}

/** Parts as files: one folder a job. */
export function createFileBlobs(dir: string): Blobs {
  const folderOf = (id: string): string => {
    if (!ID.test(id)) throw new Error("not the id of a job");
    return join(dir, id);
  };
  const fileOf = (id: string, part: number): string => join(folderOf(id), partName(part));
  return {
    write: async (id, part, bytes) => {
      const folder = folderOf(id);
      await makeFolderDurably(folder, 0o700);
      const file = fileOf(id, part);
      const handle = await open(`${file}.tmp`, "w", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await renameDurably(`${file}.tmp`, file);
    },
    read: (id, part) => readFile(fileOf(id, part)),
    size: async (id) => {
      for (let part = 0; ; part++) {
        const bytes = await sizeOf(fileOf(id, part));
        if (bytes < PART_BYTES) return part * PART_BYTES + bytes;
      }
    },
    remove: (id) => rm(folderOf(id), { recursive: true, force: true }),
    ids: async () => {
      try {
        return (await readdir(dir)).filter((name) => ID.test(name));
      } catch (error) {
        if (errorCodeOf(error) === "ENOENT") return [];
        throw error;
      }
    },
    freeBytes: async () => {
      await mkdir(dir, { recursive: true, mode: 0o700 });
      const { bavail, bsize } = await statfs(dir);
      return bavail * bsize;
    },
  };
}

/**
 * Takes bytes in any split and writes them in parts; holds one part in memory.
 *
 * @param from how many bytes are stored already: writing goes on behind them
 */
export function createPartWriter(blobs: Blobs, id: string, from = 0): PartWriter {
  let part: Buffer = Buffer.alloc(0);
  let parts = Math.floor(from / PART_BYTES);
  /** Bytes of the part that is being filled. */
  let used = from % PART_BYTES;
  let kept = used;
  let bytes = from;
  const flush = async (): Promise<void> => {
    // Another process may have gone on behind a connection that ended late here.
    const isBehind = used < PART_BYTES && (await blobs.size(id)) >= bytes;
    if (used > kept && !isBehind) await blobs.write(id, parts, part.subarray(0, used));
    kept = used;
    if (used < PART_BYTES) return;
    parts++;
    used = 0;
    kept = 0;
  };
  return {
    write: async (chunk) => {
      if (part.length === 0 && used > 0) part = Buffer.from((await blobs.read(id, parts)).subarray(0, used));
      for (let at = 0; at < chunk.length;) {
        if (used === part.length) part = grown(part, used, chunk.length - at);
        const count = Math.min(part.length - used, chunk.length - at);
        part.set(chunk.subarray(at, at + count), used);
        used += count;
        at += count;
        bytes += count;
        if (used === PART_BYTES) await flush();
      }
    },
    flush,
    get stored() {
      return { parts: used > 0 ? parts + 1 : parts, bytes };
    },
  };
}

export interface PartWriter {
  write(chunk: Uint8Array): Promise<void>;
  /** Writes the part that is not full. Writing can go on behind it. */
  flush(): Promise<void>;
  /** What is stored once everything is flushed. */
  readonly stored: { readonly parts: number; readonly bytes: number };
}

/** Reads the parts of a job as one stream. */
export async function* readParts(blobs: Blobs, id: string, parts: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let part = 0; part < parts; part++) yield await blobs.read(id, part);
}

// ---

/** A voice note must not cost 8 MiB. */
function grown(part: Buffer, used: number, needed: number): Buffer {
  const next = Buffer.alloc(Math.min(PART_BYTES, Math.max(64 * 1024, used * 2, used + needed)));
  next.set(part.subarray(0, used));
  return next;
}

/** 0 where there is none. */
async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size;
  } catch (error) {
    if (errorCodeOf(error) === "ENOENT") return 0;
    throw error;
  }
}
