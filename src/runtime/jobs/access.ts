import { WireError } from "../../shared/errors.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import type { Job, JobStore } from "../../store/jobs/types.ts";
import type { RuntimeContext } from "../context.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import { keyOf, ownerOf } from "../access/owner.ts";
import type { Jobs } from "./service.ts";

/** Ids are random UUIDs: anything else is not looked up. */
const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export interface OpenJobs {
  readonly jobs: Jobs;
  readonly store: JobStore;
  readonly blobs: Blobs;
}

/** Throws while there is no store to ask. */
export function requireJobs({ jobs }: RuntimeContext): OpenJobs {
  if (jobs === undefined) {
    throw new WireError(
      "jobs_disabled",
      "jobs are off on this server; its operator turns them on with jobs.enabled: true",
    );
  }
  if (jobs.store === undefined) {
    const { isAway } = jobs;
    throw new WireError(
      isAway ? "jobs_unavailable" : "initializing",
      isAway ? "the storage of the jobs does not answer; try again" : "the job store is being opened",
      { retryAfterMs: 2000 },
    );
  }
  return { jobs, store: jobs.store, blobs: jobs.blobs };
}

/**
 * Returns the job; one that an API key made is found with that key alone. Without API keys its id is what gives access: it cannot be guessed, and a laptop that changes its network keeps its jobs. The
 * list shows a client its own only.
 */
export async function requireJob(store: JobStore, id: string | undefined, exchange: Exchange): Promise<Job> {
  const job = id !== undefined && ID.test(id) ? await store.get(id) : undefined;
  const isOthers = job !== undefined && keyOf(job.owner) !== undefined && job.owner !== ownerOf(exchange);
  if (job === undefined || isOthers) throw jobNotFound();
  return job;
}

export function jobNotFound(): WireError {
  return new WireError("job_not_found", "no job has this id; it may have been deleted after its time");
}
