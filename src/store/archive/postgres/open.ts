import { systemClock } from "../../../shared/time/clock.ts";
import type { ArchiveStore } from "../types.ts";
import { openPostgresLink } from "./link.ts";
import type { PostgresPlace } from "./link.ts";
import { migratePostgres } from "./schema.ts";
import { createPostgresArchive } from "./store.ts";

/** Opens or makes the archive that several machines share. Rejects when PostgreSQL does not answer or was written by an incompatible release. */
export async function openPostgresArchive(
  place: PostgresPlace,
  nowMs: () => number = systemClock.nowMs,
): Promise<ArchiveStore> {
  const link = await openPostgresLink(place);
  try {
    await migratePostgres(link);
    return createPostgresArchive(link, nowMs);
  } catch (error) {
    await link.close();
    throw error;
  }
}
