import { readFile } from "node:fs/promises";
import type { Sql } from "postgres";
import { errorCodeOf, GigasttError, messageOf } from "../../../shared/errors.ts";
import { setTimeout } from "../../../shared/time/timers.ts";
import { storeUnreachable } from "../../unreachable.ts";

/** Where the archive of several machines is. */
export interface PostgresPlace {
  /** postgres://USER@HOST:PORT/DATABASE, without a password. */
  readonly url: string;
  readonly passwordFile: string | undefined;
  readonly tls: "verify" | "off";
  /** Certificate of the authority that signed the server's; undefined = those of the system. */
  readonly caFile: string | undefined;
  /** Installations that share a database have different ones. */
  readonly schema: string;
}

export type PostgresValue = string | number | null | Uint8Array;
/** Columns as the server wrote them: text in UTF-8. Turning hours of text into strings would take longer than finding words in it. */
export type PostgresRow = readonly (Buffer | null)[];

export interface PostgresCalls {
  /** Runs one statement; rows have their columns in the order of the statement. */
  rows(sql: string, ...values: readonly PostgresValue[]): Promise<readonly PostgresRow[]>;
  /** Runs one statement and returns how many rows it changed. */
  run(sql: string, ...values: readonly PostgresValue[]): Promise<number>;
}

export interface PostgresLink extends PostgresCalls {
  /** Its name has nothing that quotes cannot hold. */
  readonly schema: string;
  /** All of it or nothing; durable when it resolves. */
  transaction<T>(work: (calls: PostgresCalls) => Promise<T>): Promise<T>;
  /** As `run`, for what may take long. */
  runLong(sql: string): Promise<void>;
  close(): Promise<void>;
}

const CONNECT_S = 5;
/** A call without an answer fails after this: a hanging server must not hold requests. */
const CALL_MS = 15_000;
const LONG_CALL_MS = 30 * 60_000;
const CONNECTIONS = 4;
const IDLE_S = 60;

/** Returns a pool that connects with its first call and reconnects by itself; calls fail while the server is away. */
export async function openPostgresLink(place: PostgresPlace): Promise<PostgresLink> {
  const { default: connect } = await import("postgres"); // only with archive.engine: postgres
  const ca = place.caFile === undefined ? undefined : await readFile(place.caFile, "utf8");
  const { hostname, port, username, pathname } = new URL(place.url);
  const open = (): Sql =>
    connect({
      host: hostname.replace(/^\[|\]$/g, ""),
      port: port === "" ? 5432 : Number(port),
      user: decodeURIComponent(username),
      database: decodeURIComponent(pathname.slice(1)),
      // Read at each connection: a rotated password needs no restart. The empty one of the environment is not taken.
      pass: async () => (place.passwordFile === undefined ? "" : (await readFile(place.passwordFile, "utf8")).trim()),
      ssl: place.tls === "off" ? false : { rejectUnauthorized: true, ...(ca === undefined ? {} : { ca }) },
      connect_timeout: CONNECT_S,
      idle_timeout: IDLE_S,
      max: CONNECTIONS,
      fetch_types: false,
      onnotice: () => {},
      connection: { application_name: "gigastt" },
    });
  let sql = open();

  /** The library waits for a silent server without end: all its connections are dropped, and the next call makes new ones. */
  const within = async <T>(work: Promise<T>, limitMs: number): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const used = sql;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        if (used === sql) sql = open();
        used.end({ timeout: 0 }).catch(() => {});
        reject(
          storeUnreachable(
            `${NAME} did not answer within ${limitMs / 1000} s. Look at its load and its locks`,
            undefined,
            "archive",
          ),
        );
      }, limitMs);
    });
    try {
      return await Promise.race([work, late]);
    } catch (error) {
      throw postgresError(error);
    } finally {
      clearTimeout(timer);
    }
  };
  const callsOf = (on: Pick<Sql, "unsafe">): PostgresCalls => ({
    rows: (text, ...values) => on.unsafe(text, [...values]).raw() as unknown as Promise<readonly PostgresRow[]>,
    run: async (text, ...values) => (await on.unsafe(text, [...values])).count,
  });
  return {
    schema: place.schema,
    rows: (text, ...values) => within(callsOf(sql).rows(text, ...values), CALL_MS),
    run: (text, ...values) => within(callsOf(sql).run(text, ...values), CALL_MS),
    runLong: async (text) => void (await within(callsOf(sql).run(text), LONG_CALL_MS)),
    transaction: <T>(work: (calls: PostgresCalls) => Promise<T>) =>
      within(sql.begin((on) => work(callsOf(on))) as Promise<T>, CALL_MS),
    close: () => sql.end({ timeout: CONNECT_S }),
  };
}

// ---

const NAME = "the PostgreSQL of archive.postgres";

/** The library's errors carry statements and values: only what they say goes on. */
function postgresError(error: unknown): unknown {
  if (error instanceof GigasttError) return error;
  const code = errorCodeOf(error) ?? "";
  if (isAway(code)) {
    return storeUnreachable(
      `${NAME} does not answer (${code}): ${messageOf(error)}. Start it, or check archive.postgres.url`,
      undefined,
      "archive",
    );
  }
  const cure = cureOf(code);
  // Values that a statement could not take are in the message of class 22.
  const message = code.startsWith("22") ? "it cannot store this value" : messageOf(error);
  return new GigasttError("GST_ARCHIVE_POSTGRES", `${NAME} refused: ${message} (${code || "no code"})${cure}`);
}

/** Network, restart, too many connections, or a server that became a read-only standby: the same call may succeed later. */
function isAway(code: string): boolean {
  return /^(?:08|57P|53[0-4]|25006|40)/.test(code) || (/^[A-Z_]+$/.test(code) && !TLS_CODES.test(code));
}

const TLS_CODES = /CERT|SIGNED|ALTNAME|SASL/;

function cureOf(code: string): string {
  if (code === "28P01" || code === "28000")
    return ". Check the user in archive.postgres.url and archive.postgres.passwordFile";
  if (code === "3D000") return ". Create the database, or correct its name in archive.postgres.url";
  if (code === "42501")
    return ". Let the user create the schema, or create it for the user: CREATE SCHEMA … AUTHORIZATION …";
  if (TLS_CODES.test(code)) return ". Set archive.postgres.caFile to the authority that signed its certificate";
  if (code.startsWith("53")) return ". Give its disk or memory more room";
  return "";
}
