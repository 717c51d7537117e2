import { createRequire } from "node:module";

/** A value that a statement takes or a row holds. No integers beyond 2^53, no booleans, no NUL characters in text (libsql ends the text there). */
export type SqlValue = string | number | null | Uint8Array;
export type Row = Readonly<Record<string, SqlValue>>;

/** What `node:sqlite` and `libsql` have in common. */
export interface Connection {
  exec(sql: string): unknown;
  prepare(sql: string): PreparedStatement;
  close(): unknown;
}

export interface PreparedStatement {
  run(...values: readonly SqlValue[]): { readonly changes: number | bigint };
  all(...values: readonly SqlValue[]): readonly unknown[];
}

export type EngineName = "node:sqlite" | "libsql";

export interface Engine {
  readonly name: EngineName;
  readonly connect: (file: string) => Connection;
}

let chosen: Engine | undefined;

/** Returns the SQLite of this Node, else the one of `libsql`. Loaded at the first call: a server without keys and jobs pays nothing. */
export function sqliteEngine(): Engine {
  chosen ??= nodeEngine() ?? libsqlEngine();
  return chosen;
}

// ---

const load = createRequire(import.meta.url);

/** undefined before Node 22.13, which needs a flag for it or does not have it. */
function nodeEngine(): Engine | undefined {
  // Node prints "SQLite is an experimental feature" to stderr, between the lines of the log.
  const warn = process.emitWarning;
  process.emitWarning = () => {};
  try {
    const { DatabaseSync } = load("node:sqlite") as { DatabaseSync: new (file: string) => Connection };
    return { name: "node:sqlite", connect: (file) => new DatabaseSync(file) };
  } catch {
    return undefined;
  } finally {
    process.emitWarning = warn;
  }
}

function libsqlEngine(): Engine {
  const Database = load("libsql") as new (file: string) => Connection;
  return { name: "libsql", connect: (file) => withLists(new Database(file)) };
}

/** libsql takes a single value that is an object, bytes too, for named parameters, and ends the process: it gets a list. */
function withLists(db: Connection): Connection {
  return {
    exec: (sql) => db.exec(sql),
    prepare: (sql) => {
      const statement = db.prepare(sql) as unknown as Record<"run" | "all", (values: readonly SqlValue[]) => never>; // it takes a list, too
      return { run: (...values) => statement.run(values), all: (...values) => statement.all(values) };
    },
    close: () => db.close(),
  };
}
