import { GigasttError } from "../../../shared/errors.ts";
import type { Migration } from "../../migrations.ts";
import { numberIn } from "./cells.ts";
import type { PostgresCalls, PostgresLink } from "./link.ts";

/**
 * `stems` has the lexemes of PostgreSQL's own `russian`, stop words too, and owner and source behind a slash, which no word has. Positions are not
 * kept: a tsvector has none above 16383, which is two hours of speech. Instead `pairs` has a number for each two neighbours, so that the index
 * finds phrases too. `fastupdate` would collect changes in a list that every search reads.
 */
export const POSTGRES_ARCHIVE_MIGRATIONS: readonly Migration[] = [
  {
    isCompatible: false,
    sql: `
CREATE TABLE "$".entries (
  ord bigint PRIMARY KEY,
  id text NOT NULL UNIQUE,
  created_ms bigint NOT NULL,
  owner text NOT NULL,
  source text NOT NULL,
  title text,
  language text,
  model text,
  duration_s double precision NOT NULL,
  words integer NOT NULL,
  stems tsvector NOT NULL,
  terms tsvector NOT NULL,
  pairs integer[] NOT NULL
);
CREATE INDEX entries_owner ON "$".entries (owner, ord);
CREATE INDEX entries_search ON "$".entries USING gin (stems, terms, pairs) WITH (fastupdate = off);
CREATE TABLE "$".texts (
  ord bigint PRIMARY KEY REFERENCES "$".entries ON DELETE CASCADE,
  stems text NOT NULL,
  terms text NOT NULL,
  words text NOT NULL,
  times text NOT NULL,
  transcripts bytea NOT NULL
);
ALTER TABLE "$".texts ALTER COLUMN stems SET STORAGE EXTERNAL, ALTER COLUMN terms SET STORAGE EXTERNAL,
  ALTER COLUMN words SET STORAGE EXTERNAL, ALTER COLUMN times SET STORAGE EXTERNAL, ALTER COLUMN transcripts SET STORAGE EXTERNAL;
CREATE TABLE "$".upkeep (dirty boolean NOT NULL);
INSERT INTO "$".upkeep VALUES (false);
CREATE TABLE "$".removed (id text PRIMARY KEY, at_ms bigint NOT NULL);
`,
  },
];

/**
 * Brings the schema up to date, each step once, whichever replica comes first. One of a newer release is used when all its further steps are
 * compatible, else refused before anything is changed.
 */
export async function migratePostgres(
  link: PostgresLink,
  migrations: readonly Migration[] = POSTGRES_ARCHIVE_MIGRATIONS,
): Promise<void> {
  const seen = await versionOf(link, link.schema);
  if (seen !== undefined && seen.version >= migrations.length)
    return requireUsable(seen, migrations.length, link.schema);
  await link.transaction(async (calls) => {
    await calls.rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", `gigastt ${link.schema}`);
    const now = await versionOf(calls, link.schema);
    if (now === undefined) {
      const [own] = await calls.rows("SELECT 1 FROM pg_namespace WHERE nspname = $1", link.schema);
      // Without the right to make one, an operator has made it.
      if (own === undefined) await calls.run(`CREATE SCHEMA "${link.schema}"`);
      await calls.run(
        `CREATE TABLE "${link.schema}".gigastt_schema (version integer NOT NULL, usable_from integer NOT NULL)`,
      );
      await calls.run(`INSERT INTO "${link.schema}".gigastt_schema VALUES (0, 0)`);
    } else if (now.version >= migrations.length) {
      return requireUsable(now, migrations.length, link.schema);
    }
    for (const { sql } of migrations.slice(now?.version ?? 0)) await calls.run(sql.replaceAll("$", link.schema));
    const breaking = migrations.findLastIndex(({ isCompatible }) => !isCompatible) + 1;
    await calls.run(
      `UPDATE "${link.schema}".gigastt_schema SET version = ${migrations.length}, usable_from = ${breaking}`,
    );
  });
}

// ---

interface SchemaVersion {
  readonly version: number;
  /** The oldest list of steps, by its length, that may use the tables. */
  readonly usableFrom: number;
}

/** undefined = nothing there. */
async function versionOf(calls: PostgresCalls, schema: string): Promise<SchemaVersion | undefined> {
  const tables = await calls.rows("SELECT tablename = 'gigastt_schema' FROM pg_tables WHERE schemaname = $1", schema);
  if (tables.length === 0) return undefined;
  if (!tables.some(([isOurs]) => isOurs?.toString() === "t")) {
    throw new GigasttError(
      "GST_STORE_FOREIGN",
      `the schema ${schema} of archive.postgres has tables of another program. Set another archive.postgres.schema`,
    );
  }
  const [row = []] = await calls.rows(`SELECT version, usable_from FROM "${schema}".gigastt_schema`);
  return { version: numberIn(row[0]), usableFrom: numberIn(row[1]) };
}

function requireUsable({ version, usableFrom }: SchemaVersion, known: number, schema: string): void {
  if (known >= usableFrom) return;
  throw new GigasttError(
    "GST_STORE_NEWER",
    `the archive in PostgreSQL (schema ${schema}) was written by a newer gigastt: version ${version}, this release knows up to ${known}. Install that release again, or restore a dump made before the upgrade`,
  );
}
