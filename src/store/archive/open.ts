import { entryFile } from "../../shared/process/entry.ts";
import { inThread } from "../thread.ts";
import { ARCHIVE_METHODS } from "./methods.ts";
import type { ArchiveStore } from "./types.ts";

/** Opens the archive of a SQLite file in a thread of its own. A file that cannot be used rejects the first call. */
export function openArchiveInThread(file: string): ArchiveStore {
  return inThread<ArchiveStore>(entryFile("store/archive/store-main"), {
    what: "archive",
    file,
    methods: ARCHIVE_METHODS,
  });
}
