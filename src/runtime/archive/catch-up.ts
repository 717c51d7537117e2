import type { FormattableTranscript } from "../../shared/transcript/transcript.ts";
import type { ArchiveStore } from "../../store/archive/types.ts";
import type { Job, JobStore } from "../../store/jobs/types.ts";
import { keptJob } from "./kept.ts";
import type { Kept } from "./kept.ts";

const PAGE = 100;

/** Yields finished jobs that the archive does not have: it was off or full, or the server was killed between the two stores. */
export async function* missingJobs(
  jobs: JobStore,
  archive: ArchiveStore,
): AsyncGenerator<Kept & { createdMs: number }> {
  let before: { createdMs: number; id: string } | undefined;
  for (;;) {
    const page: readonly Job[] = await jobs.list({ states: ["done"], limit: PAGE, before });
    const settled = new Set(await archive.settled(page.map(({ id }) => id)));
    for (const job of page.filter(({ id }) => !settled.has(id))) {
      const result = await jobs.result(job.id);
      if (result === undefined) continue;
      const transcripts = JSON.parse(result) as readonly FormattableTranscript[]; // written when the job was done
      const kept = keptJob(job, transcripts);
      if (kept !== undefined) yield kept;
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) return;
    before = { createdMs: last.createdMs, id: last.id };
  }
}
