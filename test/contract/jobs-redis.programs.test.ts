import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultConfig } from "../../src/config/defaults.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { redisServer, startRedis } from "../support/redis.ts";
import type { RunningRedis } from "../support/redis.ts";
import { startTestServer } from "../support/runtime-server.ts";
import type { ConfigChanges, TestServer } from "../support/runtime-server.ts";

const clip = readFile(new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url));

/** Several servers with one Redis and one folder, as replicas on several machines have them. */
describe.skipIf(redisServer === undefined)(
  "jobs of several replicas (skipped where redis-server is not installed)",
  () => {
    let dir: string;
    let redisDir: string;
    let redis: RunningRedis;
    const servers: TestServer[] = [];
    beforeEach(async () => {
      dir = await mkdtemp(join(tmpdir(), "gigastt-jobs-shared-"));
      redisDir = await mkdtemp(join(tmpdir(), "gigastt-jobs-redis-"));
      redis = await startRedis(redisDir, { keep: true });
    });
    afterEach(async () => {
      for (const server of servers.splice(0).reverse()) await server.close();
      await redis.stop();
      for (const folder of [dir, redisDir]) await rm(folder, { recursive: true, force: true });
    });

    async function replica(role: "all" | "api" | "worker", config: ConfigChanges = {}): Promise<TestServer> {
      const place = { url: redis.socket, passwordFile: undefined, caFile: undefined, prefix: "test" };
      const server = await startTestServer({
        jobsDir: dir,
        jobsPlace: { redis: place },
        engine: createFakeEngine(),
        config: {
          metrics: { ...defaultConfig.metrics, enabled: true },
          ...config,
          jobs: { ...defaultConfig.jobs, enabled: true, diskReserveBytes: 0, engine: "redis", role },
        },
      });
      servers.push(server);
      return server;
    }
    const submit = async (server: TestServer): Promise<Response> =>
      fetch(`${server.url}/v1/jobs`, { method: "POST", body: await clip });
    const idOf = async (answer: Response): Promise<string> => {
      expect(answer.status).toBe(202);
      return ((await answer.json()) as { job_id: string }).job_id;
    };
    const statusOf = async (server: TestServer, id: string): Promise<unknown> =>
      ((await (await fetch(`${server.url}/v1/jobs/${id}`)).json()) as { status?: string; code?: string }).status;
    const codeOf = async (answer: Response): Promise<unknown> => ((await answer.json()) as { code: string }).code;

    test("a job that one replica takes is run by another, and any of them has its result", async () => {
      const api = await replica("api");
      const id = await idOf(await submit(api));
      expect(await statusOf(api, id)).toBe("queued");
      const worker = await replica("worker");
      const other = await replica("api");
      await expect.poll(() => statusOf(other, id)).toBe("done");
      const sync = await fetch(`${api.url}/v1/transcribe`, { method: "POST", body: await clip });
      const { text } = (await sync.json()) as { text: string };
      const result = await fetch(`${other.url}/v1/jobs/${id}/result`);
      expect(((await result.json()) as { text: string }).text).toBe(text);
      const events = await (await fetch(`${api.url}/v1/jobs/${id}/events`)).text();
      expect(events).toContain('"type":"done"');
      // A worker has no clients.
      expect((await submit(worker)).status).toBe(404);
      expect((await fetch(`${worker.url}/v1/transcribe`, { method: "POST", body: await clip })).status).toBe(404);
      expect((await fetch(`${worker.url}/ready`)).status).toBe(200);
    });

    test("without Redis jobs are refused with 503 and requests are served; nothing is lost, and it goes on by itself", async () => {
      const server = await replica("all");
      const before = await idOf(await submit(server));
      await expect.poll(() => statusOf(server, before)).toBe("done");
      await redis.stop();
      const refused = await submit(server);
      expect([refused.status, await codeOf(refused)]).toEqual([503, "jobs_unavailable"]);
      const asked = await fetch(`${server.url}/v1/jobs/${before}`);
      expect([asked.status, await codeOf(asked)]).toEqual([503, "jobs_unavailable"]);
      expect((await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: await clip })).status).toBe(200);
      redis = await startRedis(redisDir, { keep: true });
      await expect.poll(() => statusOf(server, before)).toBe("done");
      const after = await idOf(await submit(server));
      await expect.poll(() => statusOf(server, after)).toBe("done");
    });

    test("a server that starts before its Redis serves requests, and jobs as soon as it is there", async () => {
      await redis.stop();
      const server = await replica("all");
      const refused = await submit(server);
      expect([refused.status, await codeOf(refused)]).toEqual([503, "jobs_unavailable"]);
      redis = await startRedis(redisDir, { keep: true });
      await expect.poll(async () => (await submit(server)).status, { timeout: 15_000 }).toBe(202);
    });

    test("replicas with another configuration are noticed, other roles and sizes are not", async () => {
      const first = await replica("api");
      await replica("worker", { pool: { ...defaultConfig.pool, size: 2 } });
      const drift = async (server: TestServer): Promise<string | undefined> =>
        /gigastt_jobs_differing_replicas (\d+)/.exec(await (await fetch(`${server.url}/metrics`)).text())?.[1];
      const third = await replica("worker", {
        limits: { ...defaultConfig.limits, maxAudioDurationMs: 1000 },
      });
      await expect.poll(() => drift(third)).toBe("2");
      expect(await drift(first)).toBe("0");
    });
  },
);
