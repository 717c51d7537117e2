import type { Database } from "../sqlite.ts";
import type { SqlValue } from "../sqlite-engine.ts";
import { CLASS_OFFSET_S, IDEMPOTENCY_MS, LEASE_MS, MAX_ATTEMPTS, UPLOAD_MS, backoffMs, dayOf } from "./policy.ts";
import { eventOf, jobOf } from "./rows.ts";
import type { EventRow, JobRow } from "./rows.ts";
import type { Claim, JobEventType, JobFault, JobStore, QuotaRefusal, Quotas, Standing, Turn } from "./types.ts";

/** The engine as plain functions: its caller decides which thread waits for the disk. */
export type SyncJobStore = {
  readonly [M in keyof JobStore]: (...args: Parameters<JobStore[M]>) => Awaited<ReturnType<JobStore[M]>>;
};

export interface SqliteJobsOptions {
  readonly nowMs: () => number;
  /** 0..1, for the spread of retries. */
  readonly random: () => number;
}

/** Rank of a job: how much audio its owner was given, then its class until it has waited that long. The lowest is next. */
const RANK = "o.virtual_s + MAX(0, j.offset_s - (?1 - j.created_ms) / 1000.0)";
const OPEN = "('uploading', 'queued', 'active')";
/** A notification that is being sent is not sent again before this. */
const DELIVERY_LEASE_MS = 60_000;
const DELIVERIES_AT_ONCE = 20;
const EVENTS_AT_ONCE = 1000;

/** Jobs in one SQLite file: several processes of one machine may open it. */
export function createSqliteJobs(db: Database, { nowMs, random }: SqliteJobsOptions): SyncJobStore {
  // Rows have the columns of schema.ts, or those that the statement names.
  const one = <T>(sql: string, ...values: SqlValue[]): T | undefined => db.get(sql, ...values) as T | undefined;
  const all = <T>(sql: string, ...values: SqlValue[]): readonly T[] => db.all(sql, ...values) as readonly T[];
  const run = (sql: string, ...values: SqlValue[]): number => db.run(sql, ...values);
  const count = (sql: string, ...values: SqlValue[]): number => one<{ n: number | null }>(sql, ...values)?.n ?? 0;

  const rowOf = (id: string): JobRow | undefined =>
    one<JobRow>("SELECT * FROM jobs WHERE id = ? AND state <> 'purging'", id);
  const held = ({ id, token }: Claim): JobRow | undefined =>
    one<JobRow>("SELECT * FROM jobs WHERE id = ? AND token = ? AND state = 'active'", id, token);

  const tell = (id: string, type: JobEventType): void => {
    run(
      `INSERT INTO events (job, at_ms, type, done_s, total_s, fault_code, fault_message)
       SELECT id, ?, ?, done_s, total_s, fault_code, fault_message FROM jobs WHERE id = ?`,
      nowMs(),
      type,
      id,
    );
  };

  // --- owners

  /** An owner that had nothing to do gets no credit for that time. Called before its job is queued. */
  const enter = (owner: string): void => {
    const now = nowMs();
    run(
      "INSERT INTO owners (owner, seen_ms) VALUES (?, ?) ON CONFLICT DO UPDATE SET seen_ms = excluded.seen_ms",
      owner,
      now,
    );
    if (count("SELECT count(*) AS n FROM jobs WHERE owner = ? AND state IN ('queued', 'active')", owner) > 0) return;
    const busy = one<{ n: number | null }>(
      "SELECT min(virtual_s) AS n FROM owners WHERE owner IN (SELECT owner FROM jobs WHERE state IN ('queued', 'active'))",
    )?.n;
    const virtualS = busy ?? count("SELECT virtual_s AS n FROM clock");
    run("UPDATE owners SET virtual_s = max(virtual_s, ?) WHERE owner = ?", virtualS, owner);
  };

  const charge = (owner: string, audioS: number): void => {
    if (audioS <= 0) return;
    run("UPDATE owners SET virtual_s = virtual_s + ? WHERE owner = ?", audioS, owner);
    run(
      "INSERT INTO usage (owner, day, audio_s) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET audio_s = audio_s + excluded.audio_s",
      owner,
      dayOf(nowMs()).day,
      audioS,
    );
  };

  const refusalOf = (owner: string, id: string, addedBytes: number, quotas: Quotas): QuotaRefusal | undefined => {
    const refuse = (limit: QuotaRefusal["limit"], untilMs?: number): QuotaRefusal => ({
      kind: "refused",
      limit,
      allowed: quotas[limit],
      untilMs,
    });
    const unfinished = `SELECT count(*) AS n FROM jobs WHERE state IN ${OPEN} AND id <> ?`;
    if (quotas.allUnfinishedJobs > 0 && count(unfinished, id) >= quotas.allUnfinishedJobs)
      return refuse("allUnfinishedJobs");
    if (quotas.unfinishedJobs > 0 && count(`${unfinished} AND owner = ?`, id, owner) >= quotas.unfinishedJobs)
      return refuse("unfinishedJobs");
    if (quotas.storedBytes > 0) {
      const stored = count("SELECT sum(bytes) AS n FROM jobs WHERE owner = ? AND has_audio = 1 AND id <> ?", owner, id);
      if (stored + addedBytes > quotas.storedBytes) return refuse("storedBytes");
    }
    const { day, endsMs } = dayOf(nowMs());
    const heard = count("SELECT audio_s AS n FROM usage WHERE owner = ? AND day = ?", owner, day);
    if (quotas.audioSecondsPerDay > 0 && heard >= quotas.audioSecondsPerDay)
      return refuse("audioSecondsPerDay", endsMs);
    return undefined;
  };

  // --- the ends of a job

  /** Who still writes for it has an old token from now on. */
  const doom = (id: string): void => {
    run(
      "UPDATE jobs SET state = 'purging', token = token + 1, expires_ms = 0, audio_until_ms = 0, callback_due_ms = 0 WHERE id = ?",
      id,
    );
  };

  /** A cancellation that was acknowledged wins over whatever the worker reports after it. */
  const end = (row: JobRow, outcome: "done" | "failed" | "cancelled", cause?: JobFault): void => {
    const now = nowMs();
    const state = row.cancel === 1 ? "cancelled" : outcome;
    const fault = state === outcome ? cause : undefined;
    const keepAudioMs = { done: row.keep_audio_ms, failed: row.keep_failed_ms, cancelled: 0 }[state];
    run(
      `UPDATE jobs SET state = ?, finished_ms = ?, updated_ms = ?, token = token + 1, worker = NULL, parked = 0, cancel = 0,
       fault_code = ?, fault_message = ?, audio_until_ms = ?, expires_ms = ?, callback_due_ms = iif(callback IS NULL, 0, ?),
       callback_tries = 0 WHERE id = ?`,
      state,
      now,
      now,
      fault?.code ?? null,
      fault?.message ?? null,
      now + keepAudioMs,
      now + Math.max(row.keep_result_ms, keepAudioMs),
      now,
      row.id,
    );
    // A failed job continues when it is retried.
    if (state !== "failed") run("DELETE FROM readings WHERE job = ?", row.id);
    tell(row.id, state);
  };

  const again = (row: JobRow, fault: JobFault): void => {
    if (row.cancel === 1 || row.attempts >= MAX_ATTEMPTS) {
      return end(row, "failed", {
        code: "job_poisoned",
        message: `the job failed ${row.attempts} times and is not tried again; the last time: ${fault.message}`,
      });
    }
    const now = nowMs();
    run(
      `UPDATE jobs SET state = 'queued', worker = NULL, parked = 0, token = token + 1, updated_ms = ?, not_before_ms = ?,
       fault_code = ?, fault_message = ? WHERE id = ?`,
      now,
      now + backoffMs(row.attempts, random()),
      fault.code,
      fault.message,
      row.id,
    );
    tell(row.id, "retrying");
  };

  // --- what a worker learns

  const rankOf = (row: JobRow): number => {
    const virtualS = count("SELECT virtual_s AS n FROM owners WHERE owner = ?", row.owner);
    return virtualS + Math.max(0, row.offset_s - (nowMs() - row.created_ms) / 1000);
  };

  const shouldYield = (row: JobRow): boolean =>
    one(
      `SELECT 1 FROM jobs j JOIN owners o ON o.owner = j.owner
       WHERE (j.state = 'queued' OR (j.state = 'active' AND j.parked = 1)) AND j.not_before_ms <= ?1 AND j.owner <> ?2
       AND ${RANK} < ?3 LIMIT 1`,
      nowMs(),
      row.owner,
      rankOf(row),
    ) !== undefined;

  const standing = (claim: Claim): Standing => {
    const row = held(claim);
    if (row === undefined) return { kind: "stale" };
    const now = nowMs();
    run("UPDATE jobs SET lease_ms = ?, updated_ms = ? WHERE id = ?", now + LEASE_MS, now, claim.id);
    return { kind: "held", cancelRequested: row.cancel === 1, shouldYield: row.parked === 0 && shouldYield(row) };
  };

  const store: SyncJobStore = {
    begin: (draft, quotas) => {
      const refusal = refusalOf(draft.owner, draft.id, 0, quotas);
      if (refusal !== undefined) return refusal;
      const now = nowMs();
      const { audioMs, failedAudioMs, resultMs } = draft.retention;
      run(
        `INSERT INTO jobs (id, owner, state, priority, offset_s, params, created_ms, updated_ms, keep_audio_ms, keep_failed_ms,
         keep_result_ms, idempotency_key, callback) VALUES (?, ?, 'uploading', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        draft.id,
        draft.owner,
        draft.priority,
        CLASS_OFFSET_S[draft.priority],
        draft.params,
        now,
        now,
        audioMs,
        failedAudioMs,
        resultMs,
        draft.idempotencyKey ?? null,
        draft.callbackUrl ?? null,
      );
      return { kind: "begun" };
    },

    submit: (id, audio, quotas) => {
      const row = rowOf(id);
      if (row?.state !== "uploading") return { kind: "gone" };
      const now = nowMs();
      const key = one<{ idempotency_key: string | null }>("SELECT idempotency_key FROM jobs WHERE id = ?", id)!;
      if (key.idempotency_key !== null) {
        const first = one<JobRow>(
          `SELECT * FROM jobs WHERE owner = ? AND idempotency_key = ? AND created_ms > ? AND state NOT IN ('uploading', 'purging')
           ORDER BY created_ms LIMIT 1`,
          row.owner,
          key.idempotency_key,
          now - IDEMPOTENCY_MS,
        );
        if (first !== undefined) {
          doom(id);
          const isSame =
            first.sha256 === audio.sha256 && first.params === row.params && first.priority === row.priority;
          return isSame ? { kind: "repeated", job: jobOf(first) } : { kind: "conflict" };
        }
      }
      const refusal = refusalOf(row.owner, id, audio.bytes, quotas);
      if (refusal !== undefined) {
        doom(id);
        return refusal;
      }
      enter(row.owner);
      run(
        "UPDATE jobs SET state = 'queued', created_ms = ?, updated_ms = ?, parts = ?, bytes = ?, sha256 = ? WHERE id = ?",
        now,
        now,
        audio.parts,
        audio.bytes,
        audio.sha256,
        id,
      );
      tell(id, "queued");
      return { kind: "queued", job: jobOf(rowOf(id)!) };
    },

    abandon: (id) => {
      if (rowOf(id)?.state === "uploading") doom(id);
    },

    claim: (worker, reader, activeJobsPerOwner): Turn | undefined => {
      const now = nowMs();
      const next = one<JobRow>(
        `SELECT j.* FROM jobs j JOIN owners o ON o.owner = j.owner
         WHERE (j.state = 'queued' AND j.not_before_ms <= ?1 AND (?2 = 0 OR
           (SELECT count(*) FROM jobs a WHERE a.owner = j.owner AND a.state = 'active') < ?2))
         OR (j.state = 'active' AND j.parked = 1 AND j.worker = ?3)
         ORDER BY ${RANK}, j.parked DESC, j.created_ms, j.rowid LIMIT 1`,
        now,
        activeJobsPerOwner,
        worker,
      );
      if (next === undefined) return undefined;
      const virtualS = count("SELECT virtual_s AS n FROM owners WHERE owner = ?", next.owner);
      run("UPDATE clock SET virtual_s = max(virtual_s, ?)", virtualS);
      if (next.state === "active") {
        run("UPDATE jobs SET parked = 0, lease_ms = ? WHERE id = ?", now + LEASE_MS, next.id);
        return { kind: "resume", id: next.id, token: next.token };
      }
      if (next.reader !== reader) run("DELETE FROM readings WHERE job = ?", next.id);
      run(
        `UPDATE jobs SET state = 'active', token = token + 1, attempts = attempts + 1, worker = ?, lease_ms = ?, updated_ms = ?,
         started_ms = ifnull(started_ms, ?), done_s = iif(reader IS ?, done_s, 0), reader = ? WHERE id = ?`,
        worker,
        now + LEASE_MS,
        now,
        now,
        reader,
        reader,
        next.id,
      );
      tell(next.id, "started");
      const readings = all<{ reading: string }>("SELECT reading FROM readings WHERE job = ? ORDER BY rowid", next.id);
      return {
        kind: "claimed",
        id: next.id,
        token: next.token + 1,
        job: jobOf(rowOf(next.id)!),
        readings: readings.map(({ reading }) => reading),
      };
    },

    park: (claim) =>
      run("UPDATE jobs SET parked = 1 WHERE id = ? AND token = ? AND state = 'active'", claim.id, claim.token) > 0,

    renew: standing,

    commit: (claim, { readings, doneS, totalS }) => {
      const row = held(claim);
      if (row === undefined) return { kind: "stale" };
      for (const reading of readings) run("INSERT INTO readings (job, reading) VALUES (?, ?)", claim.id, reading);
      charge(row.owner, doneS - row.done_s);
      run(
        "UPDATE jobs SET done_s = max(done_s, ?), total_s = ifnull(?, total_s) WHERE id = ?",
        doneS,
        totalS ?? null,
        claim.id,
      );
      if (doneS > row.done_s) tell(claim.id, "progress");
      return standing(claim);
    },

    release: (claim) => {
      const row = held(claim);
      if (row === undefined) return false;
      if (row.cancel === 1) {
        end(row, "cancelled");
        return true;
      }
      run(
        `UPDATE jobs SET state = 'queued', worker = NULL, parked = 0, token = token + 1, attempts = attempts - 1, updated_ms = ?
         WHERE id = ?`,
        nowMs(),
        claim.id,
      );
      tell(claim.id, "queued");
      return true;
    },

    finish: (claim, result, durationS) => {
      const row = held(claim);
      if (row === undefined) return false;
      charge(row.owner, durationS - row.done_s);
      run("UPDATE jobs SET done_s = ?, total_s = ? WHERE id = ?", durationS, durationS, claim.id);
      if (row.cancel === 0) run("INSERT INTO results (job, result) VALUES (?, ?)", claim.id, result);
      end(row, "done");
      return row.cancel === 0;
    },

    fail: (claim, fault, isFinal) => {
      const row = held(claim);
      if (row === undefined) return false;
      if (isFinal) end(row, "failed", fault);
      else again(row, fault);
      return true;
    },

    confirmCancel: (claim) => {
      const row = held(claim);
      if (row === undefined) return false;
      end(row, "cancelled");
      return true;
    },

    retry: (id) => {
      const row = rowOf(id);
      const now = nowMs();
      const canRetry = row?.state === "failed" && row.has_audio === 1 && row.audio_until_ms > now;
      if (row === undefined || !canRetry) return undefined;
      enter(row.owner);
      run(
        `UPDATE jobs SET state = 'queued', attempts = 0, not_before_ms = 0, finished_ms = NULL, updated_ms = ?, fault_code = NULL,
         fault_message = NULL, audio_until_ms = 0, expires_ms = 0, callback_due_ms = 0 WHERE id = ?`,
        now,
        id,
      );
      tell(id, "queued");
      return jobOf(rowOf(id)!);
    },

    cancel: (id) => {
      const row = rowOf(id);
      if (row === undefined) return undefined;
      const wasOpen = row.state === "uploading" || row.state === "queued" || row.state === "active";
      if (row.state === "active") run("UPDATE jobs SET cancel = 1, updated_ms = ? WHERE id = ?", nowMs(), id);
      else if (wasOpen) end(row, "cancelled");
      return { job: jobOf(rowOf(id)!), wasOpen };
    },

    purge: (id) => {
      if (rowOf(id) === undefined) return false;
      doom(id);
      return true;
    },

    get: (id) => {
      const row = rowOf(id);
      return row === undefined ? undefined : jobOf(row);
    },

    list: ({ owner, states, limit, before }) => {
      const conditions = ["state <> 'purging'"];
      const values: SqlValue[] = [];
      if (owner !== undefined) {
        conditions.push("owner = ?");
        values.push(owner);
      }
      if (states !== undefined) {
        conditions.push(`state IN (${states.map(() => "?").join(", ")})`);
        values.push(...states);
      }
      if (before !== undefined) {
        conditions.push("(created_ms, id) < (?, ?)");
        values.push(before.createdMs, before.id);
      }
      return all<JobRow>(
        `SELECT * FROM jobs WHERE ${conditions.join(" AND ")} ORDER BY created_ms DESC, id DESC LIMIT ?`,
        ...values,
        limit,
      ).map(jobOf);
    },

    result: (id) =>
      one<{ result: string }>(
        "SELECT result FROM results JOIN jobs ON jobs.id = job WHERE job = ? AND state = 'done'",
        id,
      )?.result,

    events: (jobs, afterSeq) =>
      jobs.length === 0
        ? []
        : all<EventRow>(
            `SELECT * FROM events WHERE seq > ? AND job IN (${jobs.map(() => "?").join(", ")}) ORDER BY seq LIMIT ${EVENTS_AT_ONCE}`,
            afterSeq,
            ...jobs,
          ).map(eventOf),

    stats: () => {
      const now = nowMs();
      const byState = new Map(
        all<{ state: string; n: number }>("SELECT state, count(*) AS n FROM jobs GROUP BY state").map(
          ({ state, n }) => [state, n],
        ),
      );
      const waiting = "FROM jobs WHERE state IN ('queued', 'active')";
      return {
        queued: byState.get("queued") ?? 0,
        active: byState.get("active") ?? 0,
        uploading: byState.get("uploading") ?? 0,
        dead: count("SELECT count(*) AS n FROM jobs WHERE state = 'failed' AND fault_code = 'job_poisoned'"),
        waitingS: count(`SELECT sum(max(0, total_s - done_s)) AS n ${waiting} AND total_s IS NOT NULL`),
        waitingUnknown: count(`SELECT count(*) AS n ${waiting} AND total_s IS NULL`),
        oldestQueuedMs:
          one<{ n: number | null }>("SELECT min(created_ms) AS n FROM jobs WHERE state = 'queued'")?.n ?? undefined,
        stuck: count("SELECT count(*) AS n FROM jobs WHERE state = 'active' AND lease_ms < ?", now),
        storedBytes: count("SELECT sum(bytes) AS n FROM jobs WHERE has_audio = 1"),
        pendingCallbacks: count("SELECT count(*) AS n FROM jobs WHERE callback_due_ms > 0"),
      };
    },

    sweep: () => {
      const now = nowMs();
      const lost = all<JobRow>("SELECT * FROM jobs WHERE state = 'active' AND lease_ms < ?", now);
      for (const row of lost) again(row, { code: "worker_lost", message: "its worker stopped without a word" });
      const given = all<{ id: string }>(
        `SELECT id FROM jobs WHERE (state = 'uploading' AND updated_ms < ?) OR (expires_ms > 0 AND expires_ms <= ?)`,
        now - UPLOAD_MS,
        now,
      );
      for (const { id } of given) doom(id);
      run("DELETE FROM usage WHERE day < ?", dayOf(now - 2 * 86_400_000).day);
      run(
        "DELETE FROM owners WHERE seen_ms < ? AND virtual_s <= (SELECT virtual_s FROM clock) AND owner NOT IN (SELECT owner FROM jobs)",
        now - 86_400_000,
      );
      return lost.length + given.length;
    },

    doomed: () =>
      all<{ id: string; state: string }>(
        "SELECT id, state FROM jobs WHERE state = 'purging' OR (has_audio = 1 AND audio_until_ms > 0 AND audio_until_ms <= ?)",
        nowMs(),
      ).map(({ id, state }) => ({ id, whole: state === "purging" })),

    buried: (id) => {
      run("UPDATE jobs SET has_audio = 0, audio_until_ms = 0 WHERE id = ? AND state NOT IN ('queued', 'active')", id);
      if (run("DELETE FROM jobs WHERE id = ? AND state = 'purging'", id) === 0) return;
      for (const table of ["results", "readings", "events"]) run(`DELETE FROM ${table} WHERE job = ?`, id);
    },

    exists: (ids) => ids.filter((id) => count("SELECT count(*) AS n FROM jobs WHERE id = ?", id) > 0),

    deliveries: () => {
      const now = nowMs();
      const due = all<JobRow>(
        "SELECT * FROM jobs WHERE callback_due_ms > 0 AND callback_due_ms <= ? ORDER BY callback_due_ms LIMIT ?",
        now,
        DELIVERIES_AT_ONCE,
      );
      return due.flatMap((row) => {
        run(
          "UPDATE jobs SET callback_due_ms = ?, callback_tries = callback_tries + 1 WHERE id = ?",
          now + DELIVERY_LEASE_MS,
          row.id,
        );
        const sinceMs = row.finished_ms ?? now;
        const messageId = `${row.id}.${sinceMs}`;
        return row.callback === null
          ? []
          : [{ job: jobOf(row), messageId, url: row.callback, tries: row.callback_tries + 1, sinceMs }];
      });
    },

    settleDelivery: (id, retryAtMs) => void run("UPDATE jobs SET callback_due_ms = ? WHERE id = ?", retryAtMs ?? 0, id),

    close: () => db.close(),
  };
  return inTransactions(db, store);
}

// ---

/** What may lose its last second in a power cut: the lease of a worker that is gone anyway, and windows that can be read again. */
const UNSYNCED: ReadonlySet<string> = new Set<keyof JobStore>(["renew", "commit", "park"]);
/** Without a transaction: nothing is written. */
const READS: ReadonlySet<string> = new Set<keyof JobStore>([
  "get",
  "list",
  "result",
  "events",
  "stats",
  "doomed",
  "exists",
]);

/** Each method is one transaction: what it reads does not change until it has written. */
function inTransactions(db: Database, store: SyncJobStore): SyncJobStore {
  const wrapped = Object.entries(store).map(([name, method]) => {
    if (name === "close" || READS.has(name)) return [name, method];
    const call = method as (...args: readonly unknown[]) => unknown;
    return [name, (...args: unknown[]) => db.transaction(() => call(...args), { durable: !UNSYNCED.has(name) })];
  });
  return Object.fromEntries(wrapped) as SyncJobStore; // the same names with the same functions
}
