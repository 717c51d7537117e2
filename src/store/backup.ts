import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { errorCodeOf, GigasttError } from "../shared/errors.ts";
import { ARCHIVE_MIGRATIONS } from "./archive/sqlite/schema.ts";
import type { ArchivePlace } from "./archive/place.ts";
import { partName } from "./blobs/files.ts";
import type { JobPlace } from "./jobs/place.ts";
import { JOB_MIGRATIONS } from "./jobs/sqlite/schema.ts";
import { openKeyStore } from "./keys.ts";
import { keysFile } from "./place.ts";
import { openDatabase } from "./sqlite.ts";

/** A file of a backup, by its name below the folder of its store. */
export interface StoreCopy {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Returns a consistent copy of the API keys, also while the server writes them. */
export function copyStore(dir: string): readonly StoreCopy[] {
  const file = keysFile(dir);
  if (!existsSync(file)) return [];
  const keys = openKeyStore(file);
  try {
    return [withCopy(dir, file, keys.copyTo, (copy) => ({ name: basename(file), bytes: readFileSync(copy) }))];
  } finally {
    keys.close();
  }
}

/**
 * Returns the archive with its index.
 *
 * @param maxBytes of the file; more is refused
 */
export function copyArchive({ dir, databaseFile }: ArchivePlace, maxBytes: number): readonly StoreCopy[] {
  if (!existsSync(databaseFile)) return [];
  const db = openDatabase({ path: databaseFile, contents: "archive", migrations: ARCHIVE_MIGRATIONS });
  try {
    return [
      withCopy(dir, databaseFile, db.copyTo, (copy) => {
        const { size } = statSync(copy);
        if (size <= maxBytes) return { name: basename(databaseFile), bytes: readFileSync(copy) };
        throw new GigasttError(
          "GST_BACKUP_LARGE",
          `the archive has ${Math.ceil(size / 2 ** 20)} MB, and a backup has room for ${Math.floor(maxBytes / 2 ** 20)} MB. Leave it out with --without-archive, and save it with: gigastt archive export --all FILE`,
        );
      }),
    ];
  } finally {
    db.close();
  }
}

/** While jobs end, their audio goes; a copy made after that has them as done. Many short ones may end during each try. */
const TRIES = 20;

/**
 * Returns the jobs, their transcripts, and the audio of those that are waiting or running: whatever was acknowledged is there, or is done.
 * Running jobs are queued in the copy. Unfinished uploads and audio that is only kept stay out.
 *
 * @param maxBytes of all files together; more is refused
 */
export function copyJobs({ dir, databaseFile, audioDir }: JobPlace, maxBytes: number): readonly StoreCopy[] {
  if (!existsSync(databaseFile)) return [];
  const db = openDatabase({ path: databaseFile, contents: "jobs", migrations: JOB_MIGRATIONS });
  try {
    for (let tries = 1; ; tries++) {
      const database = withCopy(dir, databaseFile, db.copyTo, settled);
      try {
        return [database.file, ...audioOf(database.waiting, audioDir, maxBytes, database.file.bytes.length)];
      } catch (error) {
        if (errorCodeOf(error) !== "ENOENT" || tries === TRIES) throw error;
      }
    }
  } finally {
    db.close();
  }
}

// ---

/** Inside the store: its folder is closed to other users, and the copy may need as much room as the file. */
function withCopy<T>(dir: string, file: string, copyTo: (path: string) => void, use: (copy: string) => T): T {
  const folder = mkdtempSync(join(dir, ".backup-"));
  try {
    const copy = join(folder, basename(file));
    copyTo(copy);
    return use(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface WaitingAudio {
  readonly id: string;
  readonly parts: number;
  readonly bytes: number;
}

/** Makes a copy what a stopped server would have left. */
function settled(copy: string): { readonly file: StoreCopy; readonly waiting: readonly WaitingAudio[] } {
  const db = openDatabase({ path: copy, contents: "jobs", migrations: JOB_MIGRATIONS });
  const waiting = db.transaction(() => {
    db.run("DELETE FROM jobs WHERE state IN ('uploading', 'purging')");
    db.run(
      "UPDATE jobs SET state = 'queued', worker = NULL, parked = 0, token = token + 1, attempts = attempts - 1 WHERE state = 'active'",
    );
    db.run("UPDATE jobs SET has_audio = 0 WHERE state <> 'queued'");
    return db.all("SELECT id, parts, bytes FROM jobs WHERE state = 'queued' ORDER BY created_ms");
  });
  db.close();
  return {
    file: { name: basename(copy), bytes: readFileSync(copy) },
    waiting: waiting.map((row) => ({
      id: String(row["id"]),
      parts: Number(row["parts"]),
      bytes: Number(row["bytes"]),
    })),
  };
}

function audioOf(
  waiting: readonly WaitingAudio[],
  audioDir: string,
  maxBytes: number,
  databaseBytes: number,
): StoreCopy[] {
  const bytes = waiting.reduce((sum, job) => sum + job.bytes, databaseBytes);
  if (bytes > maxBytes) {
    const size = Math.ceil(bytes / 2 ** 20);
    throw new GigasttError(
      "GST_BACKUP_LARGE",
      `the jobs have ${size} MB with the audio of ${waiting.length} unfinished ones, and a backup has room for ${Math.floor(maxBytes / 2 ** 20)} MB. Wait until they are done (gigastt jobs list), or leave all jobs out: --without-jobs`,
    );
  }
  return waiting.flatMap(({ id, parts }) => {
    // By their numbers: a folder that is being deleted still exists, with fewer files.
    const names = Array.from({ length: parts }, (_, part) => join(id, partName(part)));
    return names.map((name) => ({ name: `audio/${name}`, bytes: readFileSync(join(audioDir, name)) }));
  });
}
