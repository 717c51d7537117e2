import type { Database } from "../../sqlite.ts";
import type { SqlValue } from "../../sqlite-engine.ts";
import type { Claim, JobEventType } from "../types.ts";
import type { JobRow } from "../rows.ts";

export interface SqliteJobsOptions {
  readonly nowMs: () => number;
  /** Never jumps. */
  readonly monotonicMs: () => number;
  /** 0..1, for the spread of retries. */
  readonly random: () => number;
}

/** As the index `jobs_open` says it: SQLite uses a partial index only for its own words. */
export const IS_OPEN = "j.state IN ('uploading', 'queued', 'active', 'purging')";

/** The statements that all parts of the engine share. Called inside a transaction. */
export interface JobTable extends SqliteJobsOptions {
  one<T>(sql: string, ...values: readonly SqlValue[]): T | undefined;
  all<T>(sql: string, ...values: readonly SqlValue[]): readonly T[];
  run(sql: string, ...values: readonly SqlValue[]): number;
  /** Returns column `n` of the first row, 0 without one. */
  count(sql: string, ...values: readonly SqlValue[]): number;
  /** Returns a job that is not being deleted. */
  rowOf(id: string): JobRow | undefined;
  /** Returns the job of a claim that is still good. */
  held(claim: Claim): JobRow | undefined;
  /** Adds an event with the job's progress and fault. */
  tell(id: string, type: JobEventType): void;
}

export function createJobTable(db: Database, { nowMs, monotonicMs, random }: SqliteJobsOptions): JobTable {
  // Rows have the columns of schema.ts, or those that the statement names.
  const one = <T>(sql: string, ...values: readonly SqlValue[]): T | undefined =>
    db.get(sql, ...values) as T | undefined;
  return {
    nowMs,
    monotonicMs,
    random,
    one,
    all: <T>(sql: string, ...values: readonly SqlValue[]) => db.all(sql, ...values) as readonly T[],
    run: (sql, ...values) => db.run(sql, ...values),
    count: (sql, ...values) => one<{ n: number | null }>(sql, ...values)?.n ?? 0,
    rowOf: (id) => one<JobRow>("SELECT * FROM jobs WHERE id = ? AND state <> 'purging'", id),
    held: ({ id, token }) =>
      one<JobRow>("SELECT * FROM jobs WHERE id = ? AND token = ? AND state = 'active'", id, token),
    tell: (id, type) =>
      void db.run(
        `INSERT INTO events (job, at_ms, type, done_s, total_s, fault_code, fault_message)
         SELECT id, ?, ?, done_s, total_s, fault_code, fault_message FROM jobs WHERE id = ?`,
        nowMs(),
        type,
        id,
      ),
  };
}
