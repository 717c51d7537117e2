import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { derive } from "../../src/config/derived.ts";
import { backupObjects } from "../../src/render/kubernetes/backup.ts";
import type { Manifest } from "../../src/render/kubernetes/object.ts";
import { withClusterStores } from "../../src/render/kubernetes/stores.ts";
import { openPostgresArchive } from "../../src/store/archive/postgres/open.ts";
import { postgresPrograms, startPostgres } from "../support/postgres.ts";
import type { RunningPostgres } from "../support/postgres.ts";
import { configWith } from "../unit/render/base-config.ts";
import { openRedisJobs } from "../../src/store/jobs/redis/open.ts";
import { entryOf } from "./archive-store.ts";
import { findTool } from "./proxy/front.ts";

/** The line that a rendered CronJob runs, here: its folders are below `dir`. */
function runBackup(object: Manifest, dir: string, path: string): void {
  // oxlint-disable-next-line typescript/no-explicit-any -- an untyped manifest
  const [container] = (object as any).spec.jobTemplate.spec.template.spec.containers;
  const here = (text: string): string =>
    text.replaceAll("/backup", join(dir, "backup")).replaceAll("/run/stores", join(dir, "stores"));
  const env = Object.fromEntries(
    container.env.map(({ name, value }: { name: string; value: string }) => [name, here(value)]),
  );
  const [shell, ...argv] = container.command.map(here);
  const { status, stderr } = spawnSync(shell, argv, { env: { PATH: path, ...env }, encoding: "utf8" });
  // What went wrong, if anything did; valkey-cli tells its steps there.
  expect(status, stderr).toBe(0);
}

describe.skipIf(postgresPrograms === undefined)(
  "backups of a cluster (skipped where PostgreSQL is not installed)",
  () => {
    let postgres: RunningPostgres;
    const dir = mkdtempSync(join(tmpdir(), "gigastt-cluster-backup-"));
    beforeAll(async () => {
      postgres = await startPostgres();
      for (const name of ["backup", "stores"]) mkdirSync(join(dir, name));
    }, 60_000);
    afterAll(async () => {
      await postgres.stop();
      rmSync(dir, { recursive: true, force: true });
    });

    test("the dump of the archive restores every transcript into an empty database", { timeout: 60_000 }, async () => {
      const place = postgres.place("gigastt");
      const store = await openPostgresArchive(place);
      await store.add(entryOf("ёлка стоит на кухне"));
      await store.add(entryOf("второй разговор"));
      await store.close();
      copyFileSync(place.passwordFile!, join(dir, "stores/postgres_password"));
      copyFileSync(place.caFile!, join(dir, "stores/postgres_ca.pem"));

      const config = withClusterStores(
        configWith({
          archive: { enabled: true, engine: "postgres", postgres: { ...place } },
          deploy: { kubernetes: { backupSchedule: "17 3 * * *" } },
        }),
      );
      const objects = new Map(backupObjects({ config, derived: derive(config) }));
      runBackup(objects.get("cronjob-archive")!, dir, `${postgresPrograms}:${process.env["PATH"]}`);

      postgres.psql("DROP SCHEMA gigastt CASCADE");
      const restored = spawnSync(
        join(postgresPrograms!, "pg_restore"),
        ["--dbname", place.url, join(dir, "backup/archive.dump")],
        {
          env: { PGPASSWORD: "correct horse battery", PGSSLMODE: "verify-full", PGSSLROOTCERT: place.caFile! },
          encoding: "utf8",
        },
      );
      expect({ status: restored.status, stderr: restored.stderr }).toEqual({ status: 0, stderr: "" });
      const again = await openPostgresArchive(place);
      const { found } = await again.search({ text: "кухня", limit: 10, hits: 1 });
      expect([found.length, (await again.stats()).transcripts]).toEqual([1, 2]);
      await again.close();
    });
  },
);

const hasValkey = ["valkey-server", "valkey-cli"].every((name) => findTool(name) !== undefined);

test.skipIf(!hasValkey)(
  "the dump of the queue restores every waiting job (skipped where Valkey is not installed)",
  { timeout: 60_000 },
  async () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-queue-backup-"));
    for (const name of ["backup", "stores", "first", "second"]) mkdirSync(join(dir, name));
    const passwordFile = join(dir, "stores/redis_password");
    writeFileSync(passwordFile, "correct-horse");
    const port = await freePort();
    const start = (folder: string, appendonly: string): ChildProcess =>
      spawn(
        "valkey-server",
        [
          "--port",
          String(port),
          "--dir",
          join(dir, folder),
          "--appendonly",
          appendonly,
          "--requirepass",
          "correct-horse",
        ],
        { stdio: "ignore" },
      );
    const url = `redis://127.0.0.1:${port}/0`;
    const place = { url, passwordFile, caFile: undefined, prefix: "gigastt" };
    const open = async (): ReturnType<typeof openRedisJobs> => {
      for (;;) {
        const store = await openRedisJobs(place).catch(() => undefined);
        if (store !== undefined) return store;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    let server = start("first", "yes");
    try {
      const store = await open();
      const none = { unfinishedJobs: 0, activeJobs: 0, audioSecondsPerDay: 0, storedBytes: 0, allUnfinishedJobs: 0 };
      const wishes = { priority: "normal", params: "", idempotencyKey: undefined, callbackUrl: undefined } as const;
      const retention = { audioMs: 0, failedAudioMs: 1e8, resultMs: 1e8 };
      await store.begin({ id: "waiting", owner: "a", ...wishes, retention }, none);
      await store.submit("waiting", { parts: 1, bytes: 1, sha256: "0" }, none);
      await store.close();
      const config = withClusterStores(
        configWith({
          jobs: {
            enabled: true,
            engine: "redis",
            blobs: "s3",
            redis: { url, passwordFile, caFile: undefined, prefix: "gigastt" },
          },
          deploy: { kubernetes: { backupSchedule: "17 3 * * *" } },
        }),
      );
      const objects = new Map(backupObjects({ config, derived: derive(config) }));
      runBackup(objects.get("cronjob-queue")!, dir, process.env["PATH"] ?? "");
      server.kill("SIGKILL");
      await new Promise((resolve) => server.once("exit", resolve));

      copyFileSync(join(dir, "backup/queue.rdb"), join(dir, "second/dump.rdb"));
      server = start("second", "no");
      const again = await open();
      expect(await again.claim("worker", "model", 0)).toMatchObject({ kind: "claimed", id: "waiting" });
      await again.close();
    } finally {
      server.kill("SIGKILL");
      rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
    }
  },
);

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo; // it listens on TCP
  await new Promise((resolve) => server.close(resolve));
  return port;
}
