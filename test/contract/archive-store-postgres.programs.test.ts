import { afterAll, beforeAll, describe } from "vitest";
import { openPostgresArchive } from "../../src/store/archive/postgres/open.ts";
import { postgresPrograms, startPostgres } from "../support/postgres.ts";
import type { RunningPostgres } from "../support/postgres.ts";
import { archiveStoreContract } from "./archive-store.ts";

describe.skipIf(postgresPrograms === undefined)("with PostgreSQL (skipped where it is not installed)", () => {
  let postgres: RunningPostgres;
  let count = 0;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  archiveStoreContract("PostgreSQL", () => openPostgresArchive(postgres.place(`test-${count++}`)));
});
