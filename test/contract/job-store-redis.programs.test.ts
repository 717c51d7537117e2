import { afterAll, beforeAll, describe } from "vitest";
import { openRedisJobs } from "../../src/store/jobs/redis/open.ts";
import { redisServer, startRedis } from "../support/redis.ts";
import type { RunningRedis } from "../support/redis.ts";
import { jobStoreContract } from "./job-store.ts";

describe.skipIf(redisServer === undefined)("with redis-server (skipped where it is not installed)", () => {
  let redis: RunningRedis;
  let count = 0;
  beforeAll(async () => {
    redis = await startRedis();
  });
  afterAll(() => redis.stop());

  jobStoreContract("BullMQ on Redis", {
    runs: 10,
    create: (options) =>
      openRedisJobs(
        { url: redis.socket, passwordFile: undefined, caFile: undefined, prefix: `test${count++}` },
        options,
      ),
  });
});
