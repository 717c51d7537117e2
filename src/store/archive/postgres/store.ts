import { boundsOf, orderAt, ordersAt, ownerTerm, sourceTerm } from "../order.ts";
import { hitsIn } from "../hits.ts";
import { indexTextOf } from "../index-text.ts";
import { packTranscripts, sizeOf, unpackTranscripts } from "../packed.ts";
import { parseQuestion } from "../question.ts";
import type { Condition } from "../question.ts";
import type {
  AddOutcome,
  ArchiveEntry,
  ArchiveQuery,
  ArchiveSource,
  ArchiveStore,
  FoundEntry,
  NewEntry,
} from "../types.ts";
import { bytesIn, numberIn, textIn } from "./cells.ts";
import { indexQuestion, lexemesOf } from "./lexemes.ts";
import type { PostgresCalls, PostgresLink, PostgresRow, PostgresValue } from "./link.ts";

/** Transcripts in a PostgreSQL that several machines share. */
export function createPostgresArchive(link: PostgresLink, nowMs: () => number): ArchiveStore {
  const entries = `"${link.schema}".entries`;
  const texts = `"${link.schema}".texts`;
  const removed = `"${link.schema}".removed`;
  const upkeep = `"${link.schema}".upkeep`;

  /** One id at a time, on all machines: a deletion and what is on its way to be added must not pass each other. */
  const locked = <T>(id: string, work: (calls: PostgresCalls) => Promise<T>): Promise<T> =>
    link.transaction(async (calls) => {
      await calls.rows("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))", `${link.schema}:${id}`);
      return work(calls);
    });

  const remove = async (calls: PostgresCalls, id: string): Promise<boolean> => {
    await calls.run(`INSERT INTO ${removed} VALUES ($1, $2) ON CONFLICT DO NOTHING`, id, Math.floor(nowMs()));
    const isThere = (await calls.run(`DELETE FROM ${entries} WHERE id = $1`, id)) > 0;
    if (isThere) await calls.run(`UPDATE ${upkeep} SET dirty = true WHERE NOT dirty`);
    return isThere;
  };

  const insert = async (calls: PostgresCalls, entry: NewEntry): Promise<number> => {
    const text = indexTextOf(entry.transcripts);
    const { stems, terms, pairs } = lexemesOf(text, [ownerTerm(entry.owner), sourceTerm(entry.source)]);
    const { durationS, words } = sizeOf(entry.transcripts);
    for (const order of ordersAt(entry.createdMs)) {
      const done = await calls.run(
        `INSERT INTO ${entries} VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10,
           array_to_tsvector(string_to_array($11, ' ')), array_to_tsvector(string_to_array($12, ' ')), string_to_array($13, ' ')::integer[])
         ON CONFLICT (ord) DO NOTHING`,
        order,
        clean(entry.id),
        Math.floor(entry.createdMs),
        clean(entry.owner),
        entry.source,
        cleanOrNull(entry.title),
        cleanOrNull(entry.language),
        cleanOrNull(entry.model),
        durationS,
        words,
        stems.join(" "),
        terms.join(" "),
        pairs.join(" "),
      );
      if (done === 0) continue;
      return calls.run(
        `INSERT INTO ${texts} VALUES ($1, $2, $3, $4, $5, $6)`,
        order,
        text.stems,
        text.terms,
        clean(text.words),
        Buffer.from(text.times.buffer).toString("base64"),
        packTranscripts(entry.transcripts),
      );
    }
    return 0; // ordersAt throws at its end
  };

  return {
    add: (entry) =>
      locked(entry.id, async (calls): Promise<AddOutcome> => {
        if ((await calls.rows(`SELECT 1 FROM ${entries} WHERE id = $1`, clean(entry.id))).length > 0) return "known";
        // A person who imports wants it back.
        if (entry.source === "import") await calls.run(`DELETE FROM ${removed} WHERE id = $1`, clean(entry.id));
        else if ((await calls.rows(`SELECT 1 FROM ${removed} WHERE id = $1`, clean(entry.id))).length > 0)
          return "removed";
        await insert(calls, entry);
        return "added";
      }),

    search: async (query) => {
      const conditions = query.text === undefined || query.text.trim() === "" ? [] : parseQuestion(query.text);
      if (conditions.length === 0 && query.text !== undefined && query.text.trim() !== "")
        return { found: [], hasMore: false };
      const found: FoundEntry[] = [];
      const [least, before] = boundsOf(query);
      let below = before;
      for (;;) {
        const wanted = query.limit + 1 - found.length;
        const rows = await candidates(link, { ...query, limit: wanted }, conditions, [least, below]);
        for (const row of rows) {
          const entry = foundOf(row, conditions, query.hits);
          if (entry !== undefined) found.push(entry);
          below = numberIn(row[0]);
        }
        if (rows.length < wanted || found.length > query.limit) break;
      }
      return { found: found.slice(0, query.limit), hasMore: found.length > query.limit };
    },

    get: async (id) => {
      const [row] = await link.rows(
        `SELECT ${FIELDS}, t.transcripts FROM ${entries} e JOIN ${texts} t ON t.ord = e.ord WHERE e.id = $1`,
        clean(id),
      );
      return row === undefined
        ? undefined
        : { ...entryOf(row), transcripts: unpackTranscripts(bytesIn(row[FIELD_COUNT])) };
    },

    remove: (id) => locked(id, (calls) => remove(calls, clean(id))),

    settled: async (ids) => {
      const rows = await link.rows(
        `SELECT id FROM jsonb_array_elements_text($1::text::jsonb) AS given (id)
         WHERE id IN (SELECT id FROM ${entries}) OR id IN (SELECT id FROM ${removed})`,
        JSON.stringify(ids.map(clean)),
      );
      return rows.map(([id]) => textIn(id) ?? "");
    },

    expire: async (beforeMs, most) => {
      const rows = await link.rows(
        `SELECT id FROM ${entries} WHERE ord < $1 ORDER BY ord LIMIT $2`,
        orderAt(beforeMs),
        most,
      );
      let gone = 0;
      // Another replica may be deleting the same ones.
      for (const [id] of rows) if (await locked(textIn(id) ?? "", (calls) => remove(calls, textIn(id) ?? ""))) gone++;
      return gone;
    },

    compact: async () => {
      if ((await link.run(`UPDATE ${upkeep} SET dirty = false WHERE dirty`)) === 0) return false;
      await link.runLong(`VACUUM ${entries}, ${texts}`);
      return false;
    },

    stats: async () => {
      const [row = []] = await link.rows(`SELECT count(*), coalesce(sum(duration_s), 0) FROM ${entries}`);
      return { transcripts: numberIn(row[0]), audioS: numberIn(row[1]) };
    },

    close: () => link.close(),
  };
}

// ---

const FIELDS = "e.ord, e.id, e.created_ms, e.owner, e.source, e.title, e.language, e.model, e.duration_s, e.words";
const FIELD_COUNT = 10;

/** Returns a page of what the index finds, newest first. The newest matches are chosen before any text is read. */
function candidates(
  link: PostgresLink,
  { owner, source, limit }: ArchiveQuery,
  conditions: readonly Condition[],
  [least, below]: readonly [number, number],
): Promise<readonly PostgresRow[]> {
  const values: PostgresValue[] = [least, below, limit];
  const where = ["e.ord >= $1", "e.ord < $2"];
  const also = (condition: (n: number) => string, value: PostgresValue): void => {
    values.push(value);
    where.push(condition(values.length));
  };
  if (conditions.length === 0) {
    if (owner !== undefined) also((n) => `e.owner = $${n}`, clean(owner));
    if (source !== undefined) also((n) => `e.source = $${n}`, source);
    return link.rows(
      `SELECT ${FIELDS} FROM "${link.schema}".entries e WHERE ${where.join(" AND ")} ORDER BY e.ord DESC LIMIT $3`,
      ...values,
    );
  }
  const { stems, terms, pairs } = indexQuestion(conditions, [
    ...(owner === undefined ? [] : [ownerTerm(owner)]),
    ...(source === undefined ? [] : [sourceTerm(source)]),
  ]);
  if (stems !== "") also((n) => `e.stems @@ $${n}::text::tsquery`, stems);
  if (terms !== "") also((n) => `e.terms @@ $${n}::text::tsquery`, terms);
  if (pairs.length > 0) also((n) => `e.pairs @> string_to_array($${n}, ' ')::integer[]`, pairs.join(" "));
  return link.rows(
    `SELECT ${FIELDS}, t.words, ${terms === "" ? "''" : "t.terms"}, t.stems, t.times
     FROM (SELECT ${FIELDS.replaceAll("e.", "")} FROM "${link.schema}".entries e WHERE ${where.join(" AND ")} ORDER BY e.ord DESC LIMIT $3) e
     JOIN "${link.schema}".texts t ON t.ord = e.ord ORDER BY e.ord DESC`,
    ...values,
  );
}

/** undefined when the words are there and not one after another. */
function foundOf(row: PostgresRow, conditions: readonly Condition[], most: number): FoundEntry | undefined {
  const order = numberIn(row[0]);
  if (conditions.length === 0) return { ...entryOf(row), order, hits: [], matches: 0 };
  const [words, terms, stems, times] = row.slice(FIELD_COUNT).map((cell) => cell ?? NOTHING);
  const text = {
    words: words ?? NOTHING,
    terms: terms ?? NOTHING,
    stems: stems ?? NOTHING,
    times: Buffer.from(times?.toString("latin1") ?? "", "base64"),
  };
  const isMet = (condition: Condition): boolean =>
    condition.sequence.length === 1 || hitsIn(text, [condition], 0).matches > 0;
  return conditions.every(isMet) ? { ...entryOf(row), order, ...hitsIn(text, conditions, most) } : undefined;
}

const NOTHING = Buffer.alloc(0);

function entryOf(row: PostgresRow): ArchiveEntry {
  const text = (n: number): string | undefined => textIn(row[n]);
  return {
    id: text(1) ?? "",
    createdMs: numberIn(row[2]),
    owner: text(3) ?? "",
    source: text(4) as ArchiveSource, // written by `add`
    title: text(5),
    language: text(6),
    model: text(7),
    durationS: numberIn(row[8]),
    words: numberIn(row[9]),
  };
}

/** PostgreSQL's text has no NUL character. */
function clean(text: string): string {
  return text.replaceAll("\0", "\ufffd");
}

function cleanOrNull(text: string | undefined): string | null {
  return text === undefined ? null : clean(text);
}
