import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "vitest";
import { createCa, createServerCertificate } from "../../src/shared/tls/pki.ts";
import { openRedisJobs } from "../../src/store/jobs/redis/open.ts";
import { openJobsInThread } from "../../src/store/jobs/store-thread.ts";
import { createMachines, whyNoNamespaces } from "../support/namespaces.ts";
import { redisServer, startRedis, valkeyServer } from "../support/redis.ts";
import { findTool } from "./proxy/front.ts";
import { survivesKills } from "./job-kills.ts";

const isFull = process.env["TEST_DEPTH"] === "full";
const size = isFull ? { jobs: 1000, workers: 8, kills: 60 } : { jobs: 80, workers: 3, kills: 4 };
const noNetworks = redisServer === undefined ? "redis-server is not installed" : whyNoNamespaces();
const hasFakeClock = findTool("faketime") !== undefined;
const CUT_MS = 2000;
const PORT = 6380;
const LIMIT_MS = isFull ? 3_600_000 : 600_000;

describe(`${size.jobs} jobs whose intake and ${size.workers} workers are killed at random are published once each, with the text of an undisturbed run`, () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-kills-"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  for (const [name, program] of [
    ["Redis", redisServer],
    ["Valkey", valkeyServer],
  ] as const)
    test.skipIf(program === undefined || (name === "Valkey" && !isFull))(
      `on ${name}, which is killed too${hasFakeClock ? ", with workers whose clocks are 5 minutes ahead and behind" : ""} (skipped where it is not installed; Valkey only at full depth)`,
      async () => {
        let redis = await startRedis(dir, { keep: true, program });
        const place = { url: redis.socket, prefix: "kills", passwordFile: undefined, caFile: undefined };
        const store = await openRedisJobs(place);
        try {
          const interrupt = async (): Promise<void> => {
            await redis.stop();
            redis = await startRedis(dir, { keep: true, program });
          };
          const clocks = hasFakeClock ? ["+5m", "-5m", "+0"] : ["+0"];
          await survivesKills({ ...size, store, place, interrupt, clocks });
        } finally {
          await store.close();
          await redis.stop();
        }
      },
      LIMIT_MS,
    );

  test.skipIf(noNetworks !== undefined)(
    `on Redis over TLS, whose network is cut for two seconds again and again (skipped where ${noNetworks ?? "there are no namespaces"})`,
    async () => {
      const { machines, remove } = createMachines(1);
      const { namespace, there } = machines[0]!; // one was made
      const ca = await createCa("Jobs CA", new Date());
      const server = await createServerCertificate(ca, [there], new Date());
      const file = (name: string, text: string): string => {
        writeFileSync(join(dir, name), text);
        return join(dir, name);
      };
      const caFile = file("ca.pem", ca.certificate);
      const passwordFile = file("password", "a secret of the queue\n");
      const tls = { port: PORT, "cert-file": file("cert.pem", server.certificate) };
      const keys = { "key-file": file("key.pem", server.privateKey), "ca-cert-file": caFile, "auth-clients": "no" };
      const options = Object.entries({ ...tls, ...keys }).flatMap(([name, value]) => [`--tls-${name}`, String(value)]);
      options.push("--bind", there, "--requirepass", "a secret of the queue");
      const redis = await startRedis(dir, { keep: true, wrap: ["ip", "netns", "exec", namespace], options });
      const place = { url: `rediss://${there}:${PORT}/0`, prefix: "kills", passwordFile, caFile };
      try {
        const store = await openRedisJobs(place);
        const link = (state: "up" | "down"): void => {
          spawnSync("sh", [
            "-c",
            `for link in $(ip -n ${namespace} -o link show type veth | sed 's/^[0-9]*: \\([^@]*\\)@.*/\\1/'); do ip -n ${namespace} link set "$link" ${state}; done`,
          ]);
        };
        const interrupt = async (): Promise<void> => {
          link("down");
          await new Promise((resolve) => setTimeout(resolve, CUT_MS));
          link("up");
        };
        await survivesKills({ ...size, store, place, interrupt });
        await store.close();
      } finally {
        await redis.stop();
        remove();
      }
    },
    LIMIT_MS,
  );

  test(
    "on SQLite",
    async () => {
      const file = join(dir, "jobs.sqlite");
      const store = await openJobsInThread(file);
      try {
        await survivesKills({ ...size, store, place: { file } });
      } finally {
        await store.close();
      }
    },
    LIMIT_MS,
  );
});
