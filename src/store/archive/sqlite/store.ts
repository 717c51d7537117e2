import type { Clock } from "../../../shared/time/clock.ts";
import { createClockWatch } from "../../clock-watch.ts";
import type { Database } from "../../sqlite.ts";
import type { Row, SqlValue } from "../../sqlite-engine.ts";
import { hitsIn } from "../hits.ts";
import { indexTextOf } from "../index-text.ts";
import type { SyncArchiveStore } from "../methods.ts";
import { boundsOf, freeOrder, orderAt, ownerTerm, sourceTerm } from "../order.ts";
import { packTranscripts, sizeOf, unpackTranscripts } from "../packed.ts";
import { parseQuestion } from "../question.ts";
import type { Condition } from "../question.ts";
import { CLEAN, DELETED, MERGING } from "./schema.ts";
import { mendDates } from "./times.ts";
import type { ArchiveEntry, ArchiveQuery, ArchiveSource, FoundEntry } from "../types.ts";

const FIELDS = "e.ord, e.id, e.created_ms, e.owner, e.source, e.title, e.language, e.model, e.duration_s, e.words";

/** Transcripts in one SQLite file: several processes of one machine may open it. */
export function createSqliteArchive(db: Database, clock: Clock): SyncArchiveStore {
  const newest = db.get("SELECT max(created_ms) AS n FROM entries")?.["n"];
  const watch = createClockWatch(clock, typeof newest === "number" ? newest : undefined);
  const remove = (id: string): boolean => {
    db.run("DELETE FROM texts WHERE ord = (SELECT ord FROM entries WHERE id = ?)", id);
    // Also of one that is not here yet: its job may be on its way.
    db.run("INSERT INTO removed VALUES (?, ?) ON CONFLICT DO NOTHING", id, clock.nowMs());
    const isThere = db.run("DELETE FROM entries WHERE id = ?", id) > 0;
    if (isThere) db.run("UPDATE upkeep SET dirty = ?", DELETED);
    return isThere;
  };

  return {
    add: (entry) => {
      const text = indexTextOf(entry.transcripts);
      const packed = packTranscripts(entry.transcripts);
      return db.transaction(() => {
        if (db.get("SELECT 1 FROM entries WHERE id = ?", entry.id) !== undefined) return "known";
        // A person who imports wants it back.
        if (entry.source === "import") db.run("DELETE FROM removed WHERE id = ?", entry.id);
        else if (db.get("SELECT 1 FROM removed WHERE id = ?", entry.id) !== undefined) return "removed";
        const order = freeOrder(
          entry.createdMs,
          (candidate) => db.get("SELECT 1 FROM entries WHERE ord = ?", candidate) !== undefined,
        );
        const { durationS, words } = sizeOf(entry.transcripts);
        db.run(
          "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
          order,
          entry.id,
          Math.floor(entry.createdMs),
          entry.owner,
          entry.source,
          entry.title ?? null,
          entry.language ?? null,
          entry.model ?? null,
          durationS,
          words,
        );
        db.run(
          "INSERT INTO texts VALUES (?, ?, ?, ?, ?, ?, ?)",
          order,
          text.stems,
          text.terms,
          `${ownerTerm(entry.owner)} ${sourceTerm(entry.source)}`,
          text.words,
          new Uint8Array(text.times.buffer),
          packed,
        );
        return "added";
      });
    },

    search: (query) => {
      const conditions = query.text === undefined || query.text.trim() === "" ? undefined : parseQuestion(query.text);
      if (conditions?.length === 0) return { found: [], hasMore: false };
      const rows = conditions === undefined ? listed(db, query) : matched(db, query, conditions);
      const found = rows.slice(0, query.limit).map((row) => foundOf(row, conditions ?? [], query.hits));
      return { found, hasMore: rows.length > query.limit };
    },

    get: (id) => {
      const row = db.get(
        `SELECT ${FIELDS}, t.transcripts FROM entries e JOIN texts t ON t.ord = e.ord WHERE e.id = ?`,
        id,
      );
      if (row === undefined) return undefined;
      return { ...entryOf(row), transcripts: unpackTranscripts(row["transcripts"] as Uint8Array) }; // written by `add`
    },

    remove: (id) => db.transaction(() => remove(id)),

    settled: (ids) =>
      db
        .all(
          "SELECT value AS id FROM json_each(?) WHERE value IN (SELECT id FROM entries) OR value IN (SELECT id FROM removed)",
          JSON.stringify(ids),
        )
        .map(({ id }) => String(id)),

    expire: (beforeMs, most) =>
      db.transaction(() => {
        const set = watch.look();
        if (set !== undefined) mendDates(db, set, clock.nowMs());
        if (!watch.mayDelete()) return 0;
        const rows = db.all("SELECT id FROM entries WHERE ord < ? ORDER BY ord LIMIT ?", orderAt(beforeMs), most);
        for (const { id } of rows) remove(String(id));
        return rows.length;
      }),

    compact: () =>
      db.transaction(
        () => {
          const dirty = Number(db.get("SELECT dirty FROM upkeep")?.["dirty"]);
          if (dirty === CLEAN) return false;
          const before = changes(db);
          // Negative: the merge of all segments begins; then it goes on.
          db.run(
            "INSERT INTO search (search, rank) VALUES ('merge', ?)",
            dirty === DELETED ? -MERGED_PAGES : MERGED_PAGES,
          );
          const isDone = dirty === MERGING && changes(db) - before < 2;
          db.run("UPDATE upkeep SET dirty = ?", isDone ? CLEAN : MERGING);
          return !isDone;
        },
        { durable: false },
      ),

    stats: () => {
      const row = db.get("SELECT count(*) AS n, total(duration_s) AS audio FROM entries");
      return { transcripts: Number(row?.["n"]), audioS: Number(row?.["audio"]) };
    },

    close: () => db.close(),
  };
}

// ---

/** So that one step takes some milliseconds. */
const MERGED_PAGES = 200;

function changes(db: Database): number {
  return Number(db.get("SELECT total_changes() AS n")?.["n"]);
}

function listed(db: Database, query: ArchiveQuery): readonly Row[] {
  const { owner, source, limit } = query;
  const values: SqlValue[] = [...boundsOf(query)];
  const where = ["e.ord >= ?", "e.ord < ?"];
  if (owner !== undefined) where.push("e.owner = ?");
  if (source !== undefined) where.push("e.source = ?");
  values.push(...[owner, source].filter((value) => value !== undefined), limit + 1);
  return db.all(`SELECT ${FIELDS} FROM entries e WHERE ${where.join(" AND ")} ORDER BY e.ord DESC LIMIT ?`, ...values);
}

function matched(db: Database, query: ArchiveQuery, conditions: readonly Condition[]): readonly Row[] {
  const { owner, source, limit } = query;
  const facts = [
    ...(owner === undefined ? [] : [ownerTerm(owner)]),
    ...(source === undefined ? [] : [sourceTerm(source)]),
  ];
  // Terms are letters and digits, quoted: nothing in them is FTS5's syntax.
  const match = [
    ...facts.map((fact) => `facts : "${fact}"`),
    ...conditions.map(({ field, sequence }) => `${field} : "${sequence.join(" ")}"${field === "terms" ? " *" : ""}`),
  ].join(" AND ");
  // As bytes, and only what is read: turning text into strings takes most of the time of a page.
  const needsTerms = conditions.some(({ field }) => field === "terms");
  return db.all(
    `SELECT ${FIELDS}, CAST(t.stems AS BLOB) AS stems, CAST(${needsTerms ? "t.terms" : "''"} AS BLOB) AS terms,
       CAST(t.words AS BLOB) AS spoken, t.times
     FROM search JOIN entries e ON e.ord = search.rowid JOIN texts t ON t.ord = search.rowid
     WHERE search MATCH ? AND search.rowid >= ? AND search.rowid < ? ORDER BY search.rowid DESC LIMIT ?`,
    match,
    ...boundsOf(query),
    limit + 1,
  );
}

function foundOf(row: Row, conditions: readonly Condition[], most: number): FoundEntry {
  const order = Number(row["ord"]);
  if (conditions.length === 0) return { ...entryOf(row), order, hits: [], matches: 0 };
  const bytes = (name: string): Buffer => {
    const value = row[name] as Uint8Array; // of the select above
    return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  };
  const text = { words: bytes("spoken"), terms: bytes("terms"), stems: bytes("stems"), times: bytes("times") };
  return { ...entryOf(row), order, ...hitsIn(text, conditions, most) };
}

function entryOf(row: Row): ArchiveEntry {
  const text = (value: SqlValue | undefined): string | undefined => (typeof value === "string" ? value : undefined);
  return {
    id: String(row["id"]),
    createdMs: Number(row["created_ms"]),
    owner: String(row["owner"]),
    source: row["source"] as ArchiveSource, // written by `add`
    title: text(row["title"]),
    language: text(row["language"]),
    model: text(row["model"]),
    durationS: Number(row["duration_s"]),
    words: Number(row["words"]),
  };
}
