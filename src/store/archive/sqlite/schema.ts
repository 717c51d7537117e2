import type { Migration } from "../../migrations.ts";

/** States of `upkeep.dirty`: nothing to do, something was deleted since the last merge, the merge is under way. */
export const CLEAN = 0;
export const DELETED = 1;
export const MERGING = 2;

/**
 * The index holds no text of its own (external content). Not with its option `secure-delete`: in SQLite 3.45 it damages the index. Instead all
 * segments are merged after a deletion, a little at a time, which drops what was deleted. Owner and source are words of the index: a rare owner is found without reading the matches of all owners.
 */
export const ARCHIVE_MIGRATIONS: readonly Migration[] = [
  {
    isCompatible: false,
    sql: `
CREATE TABLE entries (
  ord INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  created_ms INTEGER NOT NULL,
  owner TEXT NOT NULL,
  source TEXT NOT NULL,
  title TEXT,
  language TEXT,
  model TEXT,
  duration_s REAL NOT NULL,
  words INTEGER NOT NULL
) STRICT;
CREATE INDEX entries_owner ON entries (owner, ord);
CREATE TABLE texts (
  ord INTEGER PRIMARY KEY,
  stems TEXT NOT NULL,
  terms TEXT NOT NULL,
  facts TEXT NOT NULL,
  words TEXT NOT NULL,
  times BLOB NOT NULL,
  transcripts BLOB NOT NULL
) STRICT;
CREATE TABLE upkeep (dirty INTEGER NOT NULL) STRICT;
INSERT INTO upkeep VALUES (0);
CREATE TABLE removed (id TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE VIRTUAL TABLE search USING fts5 (
  stems, terms, facts, content = 'texts', content_rowid = 'ord', tokenize = 'ascii', columnsize = 0, prefix = '2 3'
);
CREATE TRIGGER texts_in AFTER INSERT ON texts BEGIN
  INSERT INTO search (rowid, stems, terms, facts) VALUES (new.ord, new.stems, new.terms, new.facts);
END;
CREATE TRIGGER texts_out AFTER DELETE ON texts BEGIN
  INSERT INTO search (search, rowid, stems, terms, facts) VALUES ('delete', old.ord, old.stems, old.terms, old.facts);
END;
`,
  },
];
