import { chmodSync, chownSync, closeSync, existsSync, fsyncSync, mkdirSync, openSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { errorCodeOf } from "../shared/errors.ts";
import { migrate } from "./migrations.ts";
import type { Migration } from "./migrations.ts";
import { sqliteEngine } from "./sqlite-engine.ts";
import type { Connection, Engine, EngineName, PreparedStatement, Row, SqlValue } from "./sqlite-engine.ts";
import { damaged, folderError, storeError } from "./sqlite-errors.ts";
import type { StoreFile } from "./sqlite-errors.ts";

/** One open SQLite file. Every call is synchronous and short; every error names the file and a cure. */
export interface Database {
  readonly engine: EngineName;
  /** Runs statements without parameters. */
  exec(sql: string): void;
  /** Runs one statement and returns how many rows it changed. */
  run(sql: string, ...values: readonly SqlValue[]): number;
  all(sql: string, ...values: readonly SqlValue[]): readonly Row[];
  /** Returns the first row. */
  get(sql: string, ...values: readonly SqlValue[]): Row | undefined;
  /**
   * Runs `work` as one write transaction: all of it or nothing. When it returns, the change is on the disk (fsync); with
   * `durable: false` a power cut may lose it, together with everything later, but never a part of it.
   */
  transaction<T>(work: () => T, options?: { readonly durable?: boolean }): T;
  /** Returns a number that changes when another connection or process has changed the file. Reads shared memory, no disk. */
  dataVersion(): number;
  /** Writes a consistent copy to a new file of mode 0600, while others read and write. */
  copyTo(path: string): void;
  close(): void;
}

export interface OpenOptions extends StoreFile {
  readonly migrations: readonly Migration[];
  /** How long a call waits, blocking this thread, for the writer of another process. */
  readonly busyTimeoutMs?: number;
  /** Another implementation, for tests. */
  readonly engine?: Engine;
}

/** A quick check of a larger file would delay the start; its damage is reported where it is read. */
const CHECKED_UP_TO_BYTES = 64 * 2 ** 20;

/**
 * Opens or creates a file of the store: folder 0700, file 0600, write-ahead log, schema brought up to date. Several processes may have it open.
 * Never open such a file by other means in this process: closing any descriptor of it drops SQLite's locks (POSIX).
 */
export function openDatabase(options: OpenOptions): Database {
  const engine = options.engine ?? sqliteEngine();
  prepareFile(options.path);
  const db = createDatabase(connect(engine, options), engine.name, options);
  try {
    db.exec(`PRAGMA busy_timeout = ${options.busyTimeoutMs ?? 5000}`);
    db.all("PRAGMA journal_mode = WAL");
    // Deleted transcripts and keys are overwritten, and nothing is written outside the store's folder.
    for (const pragma of [
      "foreign_keys = ON",
      "trusted_schema = OFF",
      "secure_delete = ON",
      "temp_store = MEMORY",
      "journal_size_limit = 16777216",
    ])
      db.all(`PRAGMA ${pragma}`);
    if (statSync(options.path).size <= CHECKED_UP_TO_BYTES) requireSound(db, options);
    migrate(db, options.migrations, options);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

// ---

function connect(engine: Engine, options: OpenOptions): Connection {
  try {
    return engine.connect(options.path);
  } catch (error) {
    throw storeError(error, options);
  }
}

function createDatabase(connection: Connection, engine: EngineName, file: StoreFile): Database {
  const statements = new Map<string, PreparedStatement>();
  let isDurable: boolean | undefined;
  let isOpen = true;

  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw storeError(error, file);
    }
  };
  const prepared = (sql: string): PreparedStatement => {
    let statement = statements.get(sql);
    if (statement === undefined) {
      statement = connection.prepare(sql);
      statements.set(sql, statement);
    }
    return statement;
  };
  const exec = (sql: string): void => guarded(() => void connection.exec(sql));
  const all = (sql: string, ...values: readonly SqlValue[]): readonly Row[] =>
    guarded(() =>
      prepared(sql)
        .all(...values)
        .map(toRow),
    );

  return {
    engine,
    exec,
    run: (sql, ...values) => guarded(() => Number(prepared(sql).run(...values).changes)),
    all,
    get: (sql, ...values) => all(sql, ...values)[0],
    transaction: (work, { durable = true } = {}) => {
      if (isDurable !== durable) exec(`PRAGMA synchronous = ${durable ? "FULL" : "NORMAL"}`);
      isDurable = durable;
      // IMMEDIATE: a transaction that reads first and writes later could fail in its middle, when another process writes between.
      exec("BEGIN IMMEDIATE");
      try {
        const result = work();
        exec("COMMIT");
        return result;
      } catch (error) {
        try {
          connection.exec("ROLLBACK");
        } catch {
          // SQLite has rolled back by itself (disk full, I/O error).
        }
        throw error;
      }
    },
    dataVersion: () => Number(all("PRAGMA data_version")[0]?.["data_version"]),
    copyTo: (path) => {
      // VACUUM INTO takes an empty file and keeps its mode.
      closeSync(openSync(path, "wx", 0o600));
      guarded(() => prepared("VACUUM INTO ?").run(path));
    },
    close: () => {
      if (!isOpen) return;
      isOpen = false;
      statements.clear();
      try {
        // libsql keeps the file open until its statements are collected; so the log is at least empty.
        connection.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
      } catch {
        // Another process has it locked, or the file is damaged: the log stays, and is read at the next start.
      }
      connection.close();
    },
  };
}

/** `libsql` returns bytes as an ArrayBuffer. */
function toRow(row: unknown): Row {
  const fields = Object.entries(row as Record<string, SqlValue | ArrayBuffer>); // both engines return objects by column
  return Object.fromEntries(
    fields.map(([name, value]) => [name, value instanceof ArrayBuffer ? new Uint8Array(value) : value]),
  );
}

/** Root may run the command line for a service that runs as another user: the file belongs to the owner of its folder. SQLite does the same for its log. */
function prepareFile(path: string): void {
  const dir = dirname(path);
  try {
    makeFolder(dir);
  } catch (error) {
    throw folderError(error, dir);
  }
  try {
    closeSync(openSync(path, "wx", 0o600));
    giveToOwnerOfFolder(path, dir);
  } catch (error) {
    if (errorCodeOf(error) !== "EEXIST") throw folderError(error, dir);
    const { mode, uid } = statSync(path);
    if ((mode & 0o077) !== 0 && [0, uid].includes(process.getuid?.() ?? uid)) chmodSync(path, 0o600);
  }
}

/** Not `recursive: true`: Node repeats without end where a folder exists and none can be made in it, as in /proc. */
function makeFolder(dir: string): void {
  if (existsSync(dir)) return;
  makeFolder(dirname(dir));
  try {
    mkdirSync(dir, { mode: 0o700 });
    syncFolder(dirname(dir));
    giveToOwnerOfFolder(dir, dirname(dir));
  } catch (error) {
    // Another process was first.
    if (errorCodeOf(error) !== "EEXIST") throw error;
  }
}

/** SQLite flushes the name of its file, not that of the folder. */
function syncFolder(dir: string): void {
  try {
    const handle = openSync(dir, "r");
    fsyncSync(handle);
    closeSync(handle);
  } catch {
    // Some file systems cannot.
  }
}

function giveToOwnerOfFolder(path: string, folder: string): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(folder);
  if (uid !== 0) chownSync(path, uid, gid);
}

function requireSound(db: Database, file: StoreFile): void {
  const problems = db.all("PRAGMA quick_check(3)").flatMap((row) => Object.values(row));
  if (problems.length !== 1 || problems[0] !== "ok") throw damaged(file, problems.join("; ").replace(/\s+/g, " "));
}
