import type { Migration } from "../../migrations.ts";

export const JOB_MIGRATIONS: readonly Migration[] = [
  {
    isCompatible: false,
    sql: `
CREATE TABLE jobs (
  id TEXT PRIMARY KEY,
  owner TEXT NOT NULL,
  state TEXT NOT NULL,
  priority TEXT NOT NULL,
  offset_s REAL NOT NULL,
  params TEXT NOT NULL,
  created_ms INTEGER NOT NULL,
  updated_ms INTEGER NOT NULL,
  started_ms INTEGER,
  finished_ms INTEGER,
  attempts INTEGER NOT NULL DEFAULT 0,
  token INTEGER NOT NULL DEFAULT 0,
  worker TEXT,
  lease_ms INTEGER NOT NULL DEFAULT 0,
  parked INTEGER NOT NULL DEFAULT 0,
  not_before_ms INTEGER NOT NULL DEFAULT 0,
  cancel INTEGER NOT NULL DEFAULT 0,
  reader TEXT,
  done_s REAL NOT NULL DEFAULT 0,
  total_s REAL,
  parts INTEGER NOT NULL DEFAULT 0,
  bytes INTEGER NOT NULL DEFAULT 0,
  sha256 TEXT,
  has_audio INTEGER NOT NULL DEFAULT 1,
  audio_until_ms INTEGER NOT NULL DEFAULT 0,
  expires_ms INTEGER NOT NULL DEFAULT 0,
  keep_audio_ms INTEGER NOT NULL,
  keep_failed_ms INTEGER NOT NULL,
  keep_result_ms INTEGER NOT NULL,
  fault_code TEXT,
  fault_message TEXT,
  idempotency_key TEXT,
  callback TEXT,
  callback_due_ms INTEGER NOT NULL DEFAULT 0,
  callback_tries INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX jobs_open ON jobs (state, owner) WHERE state IN ('uploading', 'queued', 'active', 'purging');
CREATE INDEX jobs_owner ON jobs (owner, created_ms);
CREATE INDEX jobs_created ON jobs (created_ms, id);
CREATE INDEX jobs_audio ON jobs (audio_until_ms) WHERE has_audio = 1;
CREATE INDEX jobs_expiry ON jobs (expires_ms) WHERE expires_ms > 0;
CREATE INDEX jobs_callback ON jobs (callback_due_ms) WHERE callback_due_ms > 0;
CREATE TABLE readings (job TEXT NOT NULL, reading TEXT NOT NULL) STRICT;
CREATE INDEX readings_job ON readings (job);
CREATE TABLE results (job TEXT PRIMARY KEY, result TEXT NOT NULL) STRICT;
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  job TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  done_s REAL NOT NULL,
  total_s REAL,
  fault_code TEXT,
  fault_message TEXT
) STRICT;
CREATE INDEX events_job ON events (job, seq);
CREATE TABLE owners (owner TEXT PRIMARY KEY, virtual_s REAL NOT NULL DEFAULT 0, seen_ms INTEGER NOT NULL) STRICT;
CREATE TABLE usage (owner TEXT NOT NULL, day TEXT NOT NULL, audio_s REAL NOT NULL, PRIMARY KEY (owner, day)) STRICT;
CREATE TABLE clock (virtual_s REAL NOT NULL) STRICT;
INSERT INTO clock VALUES (0);
`,
  },
];
