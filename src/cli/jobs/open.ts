import { existsSync } from "node:fs";
import type { ResolvedConfig } from "../../config/types.ts";
import { GigasttError } from "../../shared/errors.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import { inThisThread } from "../../store/jobs/methods.ts";
import { openBlobs } from "../../store/jobs/open.ts";
import { openRedisJobs } from "../../store/jobs/redis/open.ts";
import { openSqliteJobs } from "../../store/jobs/sqlite/open.ts";
import { jobPlace } from "../../store/jobs/place.ts";
import type { JobPlace } from "../../store/jobs/place.ts";
import type { Job, JobStore } from "../../store/jobs/types.ts";
import type { CommandContext } from "../command.ts";
import { loadCliConfig } from "../load-config.ts";

export interface LocalJobs {
  readonly store: JobStore;
  readonly blobs: Blobs;
  readonly config: ResolvedConfig;
}

/** Opens the jobs of this machine for one command. A store that does not exist is not made. */
export async function withJobs<T>(context: CommandContext, use: (jobs: LocalJobs) => T | Promise<T>): Promise<T> {
  const { config } = await loadCliConfig(context);
  const place = jobPlace(config, context.env);
  const store = await openExisting(place, config);
  try {
    return await use({ store, blobs: openBlobs(place), config });
  } finally {
    await store.close();
  }
}

async function openExisting(place: JobPlace, { jobs }: ResolvedConfig): Promise<JobStore> {
  if (place.redis !== undefined) return openRedisJobs(place.redis);
  if (existsSync(place.databaseFile)) return inThisThread(openSqliteJobs(place.databaseFile));
  const cure = jobs.enabled
    ? "Start the server once, or set jobs.dir to its folder."
    : "Turn jobs on with jobs.enabled: true.";
  throw new GigasttError("GST_JOBS_NONE", `no jobs are stored in ${place.dir}. ${cure}`);
}

/** Returns the job whose id begins so. */
export async function requireLocalJob(store: JobStore, id: string): Promise<Job> {
  const exact = await store.get(id);
  if (exact !== undefined) return exact;
  const LONGEST_LIST = 10_000;
  const found = id.length < 4 ? [] : (await store.list({ limit: LONGEST_LIST })).filter((job) => job.id.startsWith(id));
  const [job, ...others] = found;
  if (job !== undefined && others.length === 0) return job;
  const why = others.length > 0 ? `${found.length} jobs have ids that begin with ${id}` : `no job has the id ${id}`;
  throw new GigasttError("GST_JOBS_ID", `${why}. See: gigastt jobs list`);
}
