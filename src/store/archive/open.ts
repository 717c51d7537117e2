import { entryFile } from "../../shared/process/entry.ts";
import { inThread } from "../thread.ts";
import { ARCHIVE_METHODS } from "./methods.ts";
import type { ArchivePlace } from "./place.ts";
import { openPostgresArchive } from "./postgres/open.ts";
import type { ArchiveStore } from "./types.ts";

/** Opens the archive that the configuration names: a SQLite file in a thread of its own, or PostgreSQL. Rejects when it cannot be used. */
export async function openArchive({ databaseFile, postgres }: ArchivePlace): Promise<ArchiveStore> {
  if (postgres !== undefined) return openPostgresArchive(postgres);
  return inThread<ArchiveStore>(entryFile("store/archive/store-main"), {
    what: "archive",
    file: databaseFile,
    methods: ARCHIVE_METHODS,
  });
}
