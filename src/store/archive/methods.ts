import type { InThisThread } from "../thread.ts";
import type { ArchiveStore } from "./types.ts";

/** The engine as plain functions: its caller decides which thread waits for the disk. */
export type SyncArchiveStore = InThisThread<ArchiveStore>;

const NAMES: Readonly<Record<keyof ArchiveStore, true>> = {
  add: true,
  search: true,
  get: true,
  remove: true,
  settled: true,
  expire: true,
  compact: true,
  stats: true,
  close: true,
};

/** The methods of an archive, for what passes them on. */
export const ARCHIVE_METHODS: readonly (keyof ArchiveStore)[] = Object.keys(NAMES) as (keyof ArchiveStore)[]; // keys of the record above
