import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { defaultConfig } from "../../src/config/defaults.ts";
import { createFakeEngine } from "../../src/engine/fake.ts";
import { openPostgresLink } from "../../src/store/archive/postgres/link.ts";
import { openPostgresArchive } from "../../src/store/archive/postgres/open.ts";
import { migratePostgres, POSTGRES_ARCHIVE_MIGRATIONS } from "../../src/store/archive/postgres/schema.ts";
import { stemOf, termsOf } from "../../src/store/archive/terms.ts";
import { isStoreUnreachable } from "../../src/store/unreachable.ts";
import { postgresPrograms, startPostgres } from "../support/postgres.ts";
import type { RunningPostgres } from "../support/postgres.ts";
import { startTestServer } from "../support/runtime-server.ts";
import { entryOf } from "./archive-store.ts";

const clip = readFile(new URL("../fixtures/eval/dev_espeak_06.wav", import.meta.url));

describe.skipIf(postgresPrograms === undefined)("the archive in PostgreSQL (skipped where it is not installed)", () => {
  let postgres: RunningPostgres;
  let dir: string;
  beforeAll(async () => {
    postgres = await startPostgres();
    dir = await mkdtemp(join(tmpdir(), "gigastt-archive-postgres-"));
  }, 60_000);
  afterAll(async () => {
    await postgres.stop();
    await rm(dir, { recursive: true, force: true });
  });
  const problemOf = async (work: Promise<unknown>): Promise<{ code: string; message: string }> =>
    work.then(
      () => ({ code: "none", message: "" }),
      (error: { code: string; message: string }) => error,
    );

  test("its lexemes are those of PostgreSQL's own russian, so SQL finds the same", async () => {
    const text = await readFile(new URL("../../docs/ru/guide.md", import.meta.url), "utf8");
    const words = [...new Set(termsOf(text).filter((word) => /^[а-я]+$/.test(word)))];
    expect(words.length).toBeGreaterThan(400);
    const theirs = postgres.psql(
      `SELECT word || ' ' || coalesce((ts_lexize('russian_stem', word))[1], '') FROM unnest('{${words.join(",")}}'::text[]) AS word`,
    );
    const different = theirs
      .split("\n")
      .map((line) => line.split(" "))
      // Stop words have no lexeme there.
      .filter(([word = "", lexeme]) => lexeme !== "" && lexeme !== stemOf(word));
    expect(different).toEqual([]);
    const store = await openPostgresArchive(postgres.place("sql"));
    await store.add(entryOf("Мы были на кухнях, там стояла Ёлка"));
    await store.close();
    for (const asked of ["кухня", "елки", "ёлка & кухне"]) {
      expect(postgres.psql(`SELECT count(*) FROM sql.entries WHERE stems @@ to_tsquery('russian', '${asked}')`)).toBe(
        "1",
      );
    }
  });

  test.each([
    ["another password", { passwordFile: "wrong" }, /28P01.*passwordFile/],
    ["another authority", { caFile: undefined }, /SIGNED.*caFile/],
    ["another database", { url: "nowhere" }, /3D000.*Create the database/],
  ])("%s is refused with its cure", async (_, changes, expected) => {
    const wrong = join(dir, "wrong");
    await writeFile(wrong, "no\n");
    const place = postgres.place("refused", {
      ...changes,
      ...("passwordFile" in changes ? { passwordFile: wrong } : {}),
      ...("url" in changes ? { url: `postgres://gigastt@localhost:${postgres.port}/nowhere` } : {}),
    });
    const { code, message } = await problemOf(openPostgresArchive(place));
    expect(code).toBe("GST_ARCHIVE_POSTGRES");
    expect(message).toMatch(expected);
    expect(message).not.toMatch(/correct horse/);
  });

  test("a schema of another program is refused, and of a newer release unless it is compatible; nothing is changed", async () => {
    postgres.psql("CREATE SCHEMA foreign_one; CREATE TABLE foreign_one.entries (x int)");
    expect((await problemOf(openPostgresArchive(postgres.place("foreign_one")))).code).toBe("GST_STORE_FOREIGN");
    const newer = async (schema: string, isCompatible: boolean): Promise<void> => {
      const link = await openPostgresLink(postgres.place(schema));
      const sql = 'ALTER TABLE "$".entries ADD COLUMN later text';
      await migratePostgres(link, [...POSTGRES_ARCHIVE_MIGRATIONS, { sql, isCompatible }]);
      await link.close();
    };
    await newer("newer", false);
    const { code, message } = await problemOf(openPostgresArchive(postgres.place("newer")));
    expect([code, message]).toEqual([
      "GST_STORE_NEWER",
      expect.stringContaining("version 2, this release knows up to 1"),
    ]);
    await newer("compatible", true);
    // The columns of an older release: it names none that it does not know.
    const store = await openPostgresArchive(postgres.place("compatible"));
    expect(await store.add(entryOf("слово"))).toBe("added");
    await store.close();
  });

  test("replicas that start together make one schema, and a deletion wins against what is being added", async () => {
    const replicas = await Promise.all(
      Array.from({ length: 4 }, () => openPostgresArchive(postgres.place("together"))),
    );
    const ids = Array.from({ length: 40 }, (_, n) => `id${n}`);
    const createdMs = Date.UTC(2026, 1, 1);
    await Promise.all(
      ids.flatMap((id, n) => [
        replicas[n % 4]!.add(entryOf("тайна", { id, createdMs })), // of four
        replicas[(n + 1) % 4]!.remove(id),
        replicas[(n + 2) % 4]!.add(entryOf("слово", { id: `kept${n}`, createdMs })),
      ]),
    );
    expect((await replicas[0]!.search({ text: "тайна", limit: 50, hits: 0 })).found).toEqual([]);
    // All of one millisecond, each with an order of its own.
    const { found } = await replicas[1]!.search({ text: "слово", limit: 50, hits: 0 });
    expect(new Set(found.map(({ order }) => order)).size).toBe(40);
    expect(await replicas[2]!.settled(ids)).toHaveLength(40);
    for (const replica of replicas) await replica.close();
  });

  test("phrases and words are found behind the first hours of a recording", async () => {
    const store = await openPostgresArchive(postgres.place("long"));
    const filler = Array.from({ length: 40_000 }, (_, n) => ["мы", "идем", "домой", `слово${n % 500}`][n % 4]);
    await store.add(entryOf(`${filler.join(" ")} красная площадь`));
    await store.add(entryOf("площадь красная"));
    const { found } = await store.search({ text: '"красной площади"', limit: 5, hits: 1 });
    expect(found.map(({ hits }) => hits[0]?.word)).toEqual([40_000]);
    await store.close();
  });

  test("PostgreSQL goes away and comes back: requests are answered, searches get 503, and what was said is kept", async () => {
    const own = await startPostgres();
    const server = await startTestServer({
      archiveDir: join(dir, "unused"),
      archivePostgres: own.place("away"),
      engine: createFakeEngine(),
      config: {
        archive: { ...defaultConfig.archive, enabled: true, shared: true, requests: true, engine: "postgres" },
      },
    });
    const transcribe = async (): Promise<number> =>
      (await fetch(`${server.url}/v1/transcribe`, { method: "POST", body: await clip })).status;
    const count = async (): Promise<number> => {
      const answer = await fetch(`${server.url}/v1/archive`);
      return answer.ok ? ((await answer.json()) as { data: unknown[] }).data.length : -answer.status;
    };
    expect(await transcribe()).toBe(200);
    await expect.poll(count).toBe(1);
    await own.stop({ keep: true });
    expect(await transcribe()).toBe(200);
    const refused = await fetch(`${server.url}/v1/archive`);
    expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([503, "archive_unavailable"]);
    await own.start();
    await expect.poll(count).toBe(2);
    await server.close();
    // Away at the start.
    await own.stop({ keep: true });
    expect(isStoreUnreachable(await problemOf(openPostgresArchive(own.place("away"))))).toBe(true);
    await own.stop();
  });
});
