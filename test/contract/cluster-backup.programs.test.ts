import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
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
import { entryOf } from "./archive-store.ts";

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
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
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
