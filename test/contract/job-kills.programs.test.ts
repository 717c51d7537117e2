import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { openRedisJobs } from "../../src/store/jobs/redis/open.ts";
import { openJobsInThread } from "../../src/store/jobs/store-thread.ts";
import { redisServer, startRedis } from "../support/redis.ts";
import { survivesKills } from "./job-kills.ts";

const isFull = process.env["TEST_DEPTH"] === "full";
const size = isFull ? { jobs: 1000, workers: 8, kills: 60 } : { jobs: 80, workers: 3, kills: 4 };

describe(`${size.jobs} jobs on ${size.workers} workers that are killed at random are published once each, with the text of an undisturbed run`, () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-kills-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  test.skipIf(redisServer === undefined)(
    "on Redis, which is killed once too (skipped where redis-server is not installed)",
    async () => {
      let redis = await startRedis(dir, { keep: true });
      const place = { url: redis.socket, prefix: "kills", passwordFile: undefined, caFile: undefined };
      const store = await openRedisJobs(place);
      try {
        const interrupt = async (): Promise<void> => {
          await redis.stop();
          redis = await startRedis(dir, { keep: true });
        };
        await survivesKills({ ...size, store, place, interrupt });
      } finally {
        await store.close();
        await redis.stop();
      }
    },
    600_000,
  );

  test.skipIf(!isFull)(
    "on SQLite (only at full depth: a lost lease takes 30 s)",
    async () => {
      const file = join(dir, "jobs.sqlite");
      const store = await openJobsInThread(file);
      try {
        await survivesKills({ ...size, store, place: { file } });
      } finally {
        await store.close();
      }
    },
    900_000,
  );
});
