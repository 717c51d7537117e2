import { GigasttError } from "../shared/errors.ts";
import type { Row, SqlValue } from "./sqlite-engine.ts";
import { damaged } from "./sqlite-errors.ts";
import type { StoreFile } from "./sqlite-errors.ts";

/** One step of a schema. Steps are only ever added at the end of a list: files in the field have run the earlier ones. */
export interface Migration {
  readonly sql: string;
  /** Whether a release that does not know this step still reads and writes the file correctly, as with a new column that may be null. */
  readonly isCompatible: boolean;
}

/** "GSTT" as the application id of the file header: a foreign database is not taken over. */
const APPLICATION_ID = 0x47_53_54_54;

interface Target {
  exec(sql: string): void;
  all(sql: string, ...values: readonly SqlValue[]): readonly Row[];
  transaction<T>(work: () => T): T;
}

/**
 * Brings the schema up to the last step, each step once, whichever process comes first. A file of a newer release is used when
 * all its further steps are compatible, else refused before anything is changed.
 */
export function migrate(db: Target, migrations: readonly Migration[], file: StoreFile): void {
  const seen = versionOf(db, file);
  if (seen !== undefined && seen.version >= migrations.length) return requireUsable(seen, migrations.length, file);
  db.transaction(() => {
    const now = versionOf(db, file);
    if (now === undefined) {
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      db.exec("CREATE TABLE gigastt_schema (version INTEGER NOT NULL, usable_from INTEGER NOT NULL)");
      db.exec("INSERT INTO gigastt_schema VALUES (0, 0)");
    } else if (now.version >= migrations.length) {
      return requireUsable(now, migrations.length, file);
    }
    const from = now?.version ?? 0;
    for (const { sql } of migrations.slice(from)) db.exec(sql);
    const breaking = migrations.findLastIndex(({ isCompatible }) => !isCompatible) + 1;
    db.exec(`UPDATE gigastt_schema SET version = ${migrations.length}, usable_from = ${breaking}`);
  });
}

// ---

interface SchemaVersion {
  readonly version: number;
  /** The oldest list of steps, by its length, that may use the file. */
  readonly usableFrom: number;
}

/** undefined = an empty file. */
function versionOf(db: Target, file: StoreFile): SchemaVersion | undefined {
  const [tables] = db.all("SELECT count(*) AS n FROM sqlite_schema");
  if (tables?.["n"] === 0) return undefined;
  const [id] = db.all("PRAGMA application_id");
  if (id?.["application_id"] !== APPLICATION_ID) {
    throw new GigasttError(
      "GST_STORE_FOREIGN",
      `${file.path} must be a gigastt database (${file.contents}); it belongs to another program. Move it away, or set store.dir`,
    );
  }
  const [row] = db.all("SELECT version, usable_from FROM gigastt_schema");
  const { version, usable_from: usableFrom } = row ?? {};
  if (typeof version !== "number" || typeof usableFrom !== "number") {
    throw damaged(file, "it has no schema version");
  }
  return { version, usableFrom };
}

function requireUsable({ version, usableFrom }: SchemaVersion, known: number, file: StoreFile): void {
  if (known >= usableFrom) return;
  throw new GigasttError(
    "GST_STORE_NEWER",
    `${file.path} (${file.contents}) was written by a newer gigastt: schema ${version}, this release knows up to ${known}. Install that release again, or restore a backup made before the upgrade: gigastt restore FILE`,
  );
}
