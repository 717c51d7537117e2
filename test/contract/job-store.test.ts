import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { openSqliteJobs } from "../../src/store/jobs/sqlite/open.ts";
import { inThisThread } from "../../src/store/jobs/methods.ts";
import { jobStoreContract } from "./job-store.ts";

let dir: string;
let files = 0;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "gigastt-jobs-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

jobStoreContract("SQLite", {
  create: async (options) => inThisThread(openSqliteJobs(join(dir, `${files++}.sqlite`), options)),
});
