import type { Logger } from "../../shared/log.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import type { JobStore } from "../../store/jobs/types.ts";

/** Deletes in two steps: the store marks what is to go, then the audio goes, then the mark. A crash between them only repeats a step. */
export async function tidy(store: JobStore, blobs: Blobs): Promise<void> {
  await store.sweep();
  for (const { id } of await store.doomed()) {
    await blobs.remove(id);
    await store.buried(id);
  }
}

/** Deletes audio that no job has: its job was deleted, but not all of its files. */
export async function removeOrphans(store: JobStore, blobs: Blobs, log: Logger): Promise<void> {
  const stored = await blobs.ids();
  const known = new Set(await store.exists(stored));
  const orphans = stored.filter((id) => !known.has(id));
  for (const id of orphans) await blobs.remove(id);
  if (orphans.length > 0) log.info("job_orphans_removed", { count: orphans.length });
}
