import { createHash, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { SCOPES } from "../shared/api-keys.ts";
import type { Scope } from "../shared/api-keys.ts";
import { GigasttError } from "../shared/errors.ts";
import { Secret } from "../shared/secret.ts";
import type { Migration } from "./migrations.ts";
import type { Row } from "./sqlite-engine.ts";
import { breaksConstraint } from "./sqlite-errors.ts";
import { openDatabase } from "./sqlite.ts";

/** What a key allows. undefined = no limit. */
export interface KeyRights {
  readonly scopes: readonly Scope[];
  readonly requestsPerMinute?: number | undefined;
  /** Requests and sessions at once. */
  readonly concurrent?: number | undefined;
  readonly audioMinutesPerDay?: number | undefined;
  readonly expiresAtMs?: number | undefined;
}

export interface StoredKey extends KeyRights {
  readonly id: number;
  readonly name: string;
  /** SHA-256 of the value: 256 random bits need no salt and no slow hash. */
  readonly hash: Uint8Array;
  readonly createdAtMs: number;
}

/** A browser that signed in with a key. */
export interface SignIn {
  /** SHA-256 of the token in its cookie. */
  readonly hash: Uint8Array;
  readonly keyId: number;
  /** Of the key's value then: a key that gets a new value ends it. */
  readonly keyHash: Uint8Array;
  readonly expiresAtMs: number;
}

/** API keys and what they have used. Values are never stored. */
export interface KeyStore {
  list(): readonly StoredKey[];
  /** Returns the value, which cannot be read again. */
  create(name: string, rights: KeyRights, nowMs: number): Secret;
  /** Gives a key a new value. With `keepOld` the old value stays valid as `NAME-old`. Throws when there is no such key. */
  rotate(name: string, nowMs: number, options?: { readonly keepOld?: boolean }): Secret;
  /** Deletes a key; false when there is none. */
  revoke(name: string): boolean;
  /** Milliseconds of audio on a day, by key. */
  usedOn(day: string): ReadonlyMap<number, number>;
  /** Adds to what keys used on a day. Not fsynced: a power cut may lose the last of it. */
  addUse(day: string, usedMs: ReadonlyMap<number, number>): void;
  signIns(): readonly SignIn[];
  /** Keeps a sign-in, and forgets those that have expired. Of one key the newest are kept. */
  addSignIn(signIn: SignIn, nowMs: number): void;
  removeSignIn(hash: Uint8Array): void;
  /** Changes when another process changed something. */
  dataVersion(): number;
  /** Writes a consistent copy to a new file. */
  copyTo(path: string): void;
  close(): void;
}

const MIGRATIONS: readonly Migration[] = [
  {
    isCompatible: false,
    sql: `
      CREATE TABLE keys (
        id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, hash BLOB NOT NULL UNIQUE, scopes TEXT NOT NULL,
        requests_per_minute REAL, concurrent INTEGER, audio_minutes_per_day REAL, expires_at_ms INTEGER, created_at_ms INTEGER NOT NULL
      ) STRICT;
      CREATE TABLE audio_use (
        day TEXT NOT NULL, key_id INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE, used_ms INTEGER NOT NULL, PRIMARY KEY (day, key_id)
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    isCompatible: true,
    sql: `
      CREATE TABLE sign_ins (
        id INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, key_id INTEGER NOT NULL REFERENCES keys (id) ON DELETE CASCADE,
        key_hash BLOB NOT NULL, expires_at_ms INTEGER NOT NULL
      ) STRICT;`,
  },
];

/** More browsers at once than a household or a team has. */
const MOST_SIGN_INS = 64;

/** Opens the file of the keys, or makes it. */
export function openKeyStore(path: string, options: { readonly busyTimeoutMs?: number } = {}): KeyStore {
  const db = openDatabase({ path, contents: "API keys", migrations: MIGRATIONS, ...options });
  const find = (name: string): Row => {
    const row = db.get("SELECT * FROM keys WHERE name = ?", name);
    if (row !== undefined) return row;
    throw new GigasttError("GST_KEY", `there is no key ${name}. See: gigastt secrets list`, { exitCode: 2 });
  };
  const insert = (name: string, hash: Uint8Array, rights: KeyRights, nowMs: number): void =>
    void db.run(
      "INSERT INTO keys (name, hash, scopes, requests_per_minute, concurrent, audio_minutes_per_day, expires_at_ms, created_at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
      name,
      hash,
      rights.scopes.join(" "),
      rights.requestsPerMinute ?? null,
      rights.concurrent ?? null,
      rights.audioMinutesPerDay ?? null,
      rights.expiresAtMs ?? null,
      nowMs,
    );
  return {
    list: () => db.all("SELECT * FROM keys ORDER BY name").map(toKey),
    create: (name, rights, nowMs) => {
      const value = newValue();
      try {
        db.transaction(() => insert(name, hashOf(value), rights, nowMs));
      } catch (error) {
        if (!breaksConstraint(error)) throw error;
        throw new GigasttError(
          "GST_KEY",
          `key ${name} already exists. To change its value: gigastt secrets rotate key ${name}`,
          { cause: error, exitCode: 2 },
        );
      }
      return new Secret(value);
    },
    rotate: (name, nowMs, { keepOld = false } = {}) => {
      const value = newValue();
      db.transaction(() => {
        const old = toKey(find(name));
        db.run("UPDATE keys SET hash = ?, created_at_ms = ? WHERE id = ?", hashOf(value), nowMs, old.id);
        if (!keepOld) return;
        db.run("DELETE FROM keys WHERE name = ?", `${name}-old`);
        insert(`${name}-old`, old.hash, old, old.createdAtMs);
        // The two share no quota from here on; the old one keeps what was used, so that rotating wins nothing.
        db.run(
          "INSERT INTO audio_use SELECT day, (SELECT id FROM keys WHERE name = ?), used_ms FROM audio_use WHERE key_id = ?",
          `${name}-old`,
          old.id,
        );
      });
      return new Secret(value);
    },
    revoke: (name) => db.transaction(() => db.run("DELETE FROM keys WHERE name = ?", name)) > 0,
    usedOn: (day) =>
      new Map(
        db
          .all("SELECT key_id, used_ms FROM audio_use WHERE day = ?", day)
          .map((row) => [Number(row["key_id"]), Number(row["used_ms"])]),
      ),
    addUse: (day, usedMs) =>
      db.transaction(
        () => {
          for (const [id, ms] of usedMs) {
            // A key that was deleted in the meantime is left out.
            db.run(
              "INSERT INTO audio_use SELECT ?, id, ? FROM keys WHERE id = ? ON CONFLICT (day, key_id) DO UPDATE SET used_ms = used_ms + excluded.used_ms",
              day,
              Math.round(ms),
              id,
            );
          }
          db.run("DELETE FROM audio_use WHERE day < date(?, '-40 days')", day);
        },
        { durable: false },
      ),
    signIns: () =>
      db.all("SELECT * FROM sign_ins").map((row) => ({
        hash: bytesOf(row["hash"]),
        keyId: Number(row["key_id"]),
        keyHash: bytesOf(row["key_hash"]),
        expiresAtMs: Number(row["expires_at_ms"]),
      })),
    addSignIn: ({ hash, keyId, keyHash, expiresAtMs }, nowMs) =>
      db.transaction(() => {
        db.run("DELETE FROM sign_ins WHERE expires_at_ms <= ?", nowMs);
        db.run(
          "DELETE FROM sign_ins WHERE id IN (SELECT id FROM sign_ins WHERE key_id = ? ORDER BY id DESC LIMIT -1 OFFSET ?)",
          keyId,
          MOST_SIGN_INS - 1,
        );
        db.run(
          "INSERT INTO sign_ins (hash, key_id, key_hash, expires_at_ms) VALUES (?, ?, ?, ?)",
          hash,
          keyId,
          keyHash,
          expiresAtMs,
        );
      }),
    removeSignIn: (hash) => void db.transaction(() => db.run("DELETE FROM sign_ins WHERE hash = ?", hash)),
    dataVersion: db.dataVersion,
    copyTo: db.copyTo,
    close: db.close,
  };
}

/** Returns whether a key has expired. */
export function isExpired({ expiresAtMs }: KeyRights, nowMs: number): boolean {
  return expiresAtMs !== undefined && expiresAtMs <= nowMs;
}

/** Returns how many keys can be used. A file that does not exist is not made. */
export function countKeys(path: string, nowMs: number): number {
  if (!existsSync(path)) return 0;
  const keys = openKeyStore(path);
  try {
    return keys.list().filter((key) => !isExpired(key, nowMs)).length;
  } finally {
    keys.close();
  }
}

/** Returns what a presented value is compared with. */
export function hashOf(value: string): Buffer {
  return createHash("sha256").update(value).digest();
}

// ---

/** The same form as the keys that a proxy checks. */
function newValue(): string {
  return `gst_${randomBytes(32).toString("hex")}`;
}

function bytesOf(value: unknown): Uint8Array {
  return value instanceof Uint8Array ? value : new Uint8Array();
}

function toKey(row: Row): StoredKey {
  return {
    id: Number(row["id"]),
    name: String(row["name"]),
    hash: bytesOf(row["hash"]),
    scopes: String(row["scopes"])
      .split(" ")
      .filter((scope) => (SCOPES as readonly string[]).includes(scope)) as Scope[], // just checked
    requestsPerMinute: numberOr(row["requests_per_minute"]),
    concurrent: numberOr(row["concurrent"]),
    audioMinutesPerDay: numberOr(row["audio_minutes_per_day"]),
    expiresAtMs: numberOr(row["expires_at_ms"]),
    createdAtMs: Number(row["created_at_ms"]),
  };
}

function numberOr(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}
