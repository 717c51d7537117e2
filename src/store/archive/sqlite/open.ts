import { storeClock } from "../../clock-watch.ts";
import { openDatabase } from "../../sqlite.ts";
import type { SyncArchiveStore } from "../methods.ts";
import { ARCHIVE_MIGRATIONS } from "./schema.ts";
import { createSqliteArchive } from "./store.ts";

/** Opens or creates the file of the archive in this thread. */
export function openSqliteArchive(file: string, nowMs?: () => number): SyncArchiveStore {
  return createSqliteArchive(
    openDatabase({ path: file, contents: "archive", migrations: ARCHIVE_MIGRATIONS }),
    storeClock(nowMs),
  );
}
