import { createHash } from "node:crypto";
import { mkdir, open, readFile, readdir, rename, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { errorCodeOf } from "../../shared/errors.ts";

/** Parts are large enough to be few and small enough to be held in memory. */
export const PART_BYTES: number = 8 * 2 ** 20;

/** Audio of jobs, in numbered parts. */
export interface Blobs {
  /** Durable when it resolves; replaces a part of the same number. */
  write(id: string, part: number, bytes: Uint8Array): Promise<void>;
  read(id: string, part: number): Promise<Uint8Array>;
  /** Deletes all parts; without any it does nothing. */
  remove(id: string): Promise<void>;
  ids(): Promise<readonly string[]>;
  freeBytes(): Promise<number>;
}

/** What a job may be called: it becomes the name of a folder. */
const ID = /^[0-9a-zA-Z-]{1,64}$/;

/** Parts as files: one folder a job. */
export function createFileBlobs(dir: string): Blobs {
  const folderOf = (id: string): string => {
    if (!ID.test(id)) throw new Error("not the id of a job");
    return join(dir, id);
  };
  const fileOf = (id: string, part: number): string => join(folderOf(id), String(part).padStart(5, "0"));
  return {
    write: async (id, part, bytes) => {
      const folder = folderOf(id);
      const isNew = (await mkdir(folder, { recursive: true, mode: 0o700 })) !== undefined;
      const file = fileOf(id, part);
      const handle = await open(`${file}.tmp`, "w", 0o600);
      try {
        await handle.writeFile(bytes);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${file}.tmp`, file);
      await syncFolder(folder);
      if (isNew) await syncFolder(dir);
    },
    read: (id, part) => readFile(fileOf(id, part)),
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

export interface WrittenAudio {
  readonly parts: number;
  readonly bytes: number;
  readonly sha256: string;
}

/** Takes bytes in any split and writes them in parts; holds one part in memory. */
export function createPartWriter(blobs: Blobs, id: string): PartWriter {
  const hash = createHash("sha256");
  let part: Buffer = Buffer.alloc(0);
  let used = 0;
  let parts = 0;
  let bytes = 0;
  const flush = async (): Promise<void> => {
    await blobs.write(id, parts, part.subarray(0, used));
    parts++;
    used = 0;
  };
  return {
    write: async (chunk) => {
      hash.update(chunk);
      bytes += chunk.length;
      for (let at = 0; at < chunk.length;) {
        if (used === part.length) part = grown(part, used, chunk.length - at);
        const count = Math.min(part.length - used, chunk.length - at);
        part.set(chunk.subarray(at, at + count), used);
        used += count;
        at += count;
        if (used === PART_BYTES) await flush();
      }
    },
    end: async () => {
      if (used > 0) await flush();
      part = Buffer.alloc(0);
      return { parts, bytes, sha256: hash.digest("hex") };
    },
  };
}

export interface PartWriter {
  write(chunk: Uint8Array): Promise<void>;
  end(): Promise<WrittenAudio>;
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

/** A name is only durable when its folder is. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
