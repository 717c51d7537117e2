import { storeClock } from "../../clock-watch.ts";
import { openDatabase } from "../../sqlite.ts";
import { JOB_MIGRATIONS } from "./schema.ts";
import { createSqliteJobs } from "./store.ts";
import type { SyncJobStore } from "../methods.ts";
import type { SqliteJobsOptions } from "./table.ts";

/** Opens or creates the file of the jobs in this thread. */
export function openSqliteJobs(file: string, options: Partial<SqliteJobsOptions> = {}): SyncJobStore {
  const db = openDatabase({ path: file, contents: "jobs", migrations: JOB_MIGRATIONS });
  return createSqliteJobs(db, { ...storeClock(options.nowMs), random: Math.random, ...options });
}
