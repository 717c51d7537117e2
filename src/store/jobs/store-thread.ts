import { entryFile } from "../../shared/process/entry.ts";
import { inThread } from "../thread.ts";
import { METHODS } from "./methods.ts";
import type { JobStore } from "./types.ts";

/** Opens the jobs of a SQLite file in a thread of their own. Rejects when the file cannot be used. */
export async function openJobsInThread(file: string): Promise<JobStore> {
  const store = inThread<JobStore>(entryFile("store/jobs/store-main"), { what: "jobs", file, methods: METHODS });
  await store.stats();
  return store;
}
