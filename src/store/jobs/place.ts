import { join, resolve } from "node:path";
import type { ResolvedConfig } from "../../config/types.ts";
import { stateDirOf } from "../../shared/state-dir.ts";
import type { S3Place } from "../blobs/s3.ts";
import type { RedisPlace } from "./redis/link.ts";

/** Where jobs are kept. */
export interface JobPlace {
  readonly dir: string;
  /** The file of jobs on one machine. */
  readonly databaseFile: string;
  readonly audioDir: string;
  /** Instead of the file. */
  readonly redis?: RedisPlace | undefined;
  /** Instead of the folder with audio. */
  readonly s3?: S3Place | undefined;
}

export function jobPlace(
  { jobs, supervisor }: Pick<ResolvedConfig, "jobs" | "supervisor">,
  env: NodeJS.ProcessEnv,
): JobPlace {
  const dir = resolve(jobs.dir ?? join(stateDirOf(supervisor.stateDir, env), "jobs"));
  const { url } = jobs.redis;
  const { endpoint, accessKey, secretKeyFile } = jobs.s3;
  const isInBucket = jobs.blobs === "s3" && endpoint !== undefined && accessKey !== undefined;
  return {
    dir,
    databaseFile: join(dir, "jobs.sqlite"),
    audioDir: join(dir, "audio"),
    redis: jobs.engine === "redis" && url !== undefined ? { ...jobs.redis, url } : undefined,
    s3: isInBucket && secretKeyFile !== undefined ? { ...jobs.s3, endpoint, accessKey, secretKeyFile } : undefined,
  };
}
