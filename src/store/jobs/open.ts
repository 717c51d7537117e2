import { createFileBlobs } from "../blobs/files.ts";
import type { Blobs } from "../blobs/files.ts";
import { createS3Blobs } from "../blobs/s3.ts";
import type { JobPlace } from "./place.ts";
import { RENEW_MS_OF, SWEEP_MS_OF } from "./policy.ts";
import { openRedisJobs } from "./redis/open.ts";
import { openJobsInThread } from "./store-thread.ts";
import type { JobStore } from "./types.ts";

/** Opens the jobs that the configuration names. */
export function openJobs({ redis, databaseFile }: JobPlace): Promise<JobStore> {
  return redis === undefined ? openJobsInThread(databaseFile) : openRedisJobs(redis);
}

export function openBlobs({ s3, audioDir }: JobPlace): Blobs {
  return s3 === undefined ? createFileBlobs(audioDir) : createS3Blobs(s3);
}

/** How often leases are renewed, and lost jobs looked for. */
export function paceOf({ redis }: JobPlace): { readonly renewMs: number; readonly sweepMs: number } {
  const engine = redis === undefined ? "sqlite" : "redis";
  return { renewMs: RENEW_MS_OF[engine], sweepMs: SWEEP_MS_OF[engine] };
}
