import { DUE_MS, LEASE_MS_OF, backoffMs } from "../policy.ts";
import type { SyncJobStore } from "../methods.ts";
import type { Claim, Standing, Turn } from "../types.ts";
import type { Endings } from "./endings.ts";
import type { Owners } from "./owners.ts";
import { jobOf } from "../rows.ts";
import type { JobRow } from "../rows.ts";
import { IS_OPEN } from "./table.ts";
import type { JobTable } from "./table.ts";

/**
 * Of each owner the job that is due: see `dueMs`. Owners are ranked by the audio they were given and the class of that job; the lowest is next. A job's
 * own age plays no part between owners: it would put the old work of one before the fresh work of all others.
 */
const headsOf = (condition: string): string =>
  `SELECT h.*, o.virtual_s + h.offset_s AS rank_s FROM (
     SELECT j.*, j.rowid AS seq, row_number() OVER (PARTITION BY j.owner ORDER BY ${DUE_MS}, j.rowid) AS place FROM jobs j WHERE ${condition}
   ) h JOIN owners o ON o.owner = h.owner WHERE h.place = 1`;

/** What workers do with jobs. */
export function createWork(
  { nowMs, random, one, all, run, count, rowOf, held, tell }: JobTable,
  { charge, serve }: Owners,
  { end, again }: Endings,
): Pick<SyncJobStore, "claim" | "park" | "renew" | "commit" | "release" | "finish" | "fail" | "confirmCancel"> {
  const virtualOf = (owner: string): number => count("SELECT virtual_s AS n FROM owners WHERE owner = ?", owner);
  /** Asked at each commit, so it ranks no more than it must: of each other owner before this one the job that is due, by the index of open jobs. */
  const shouldYield = (row: JobRow): boolean =>
    one(
      `SELECT 1 FROM owners o WHERE o.owner <> ?2 AND o.virtual_s < ?3 AND o.virtual_s + (
         SELECT j.offset_s FROM jobs j WHERE ${IS_OPEN} AND j.state IN ('queued', 'active') AND j.owner = o.owner
           AND (j.state = 'queued' OR j.parked = 1) AND j.not_before_ms <= ?1 ORDER BY ${DUE_MS}, j.rowid LIMIT 1
       ) < ?3 LIMIT 1`,
      nowMs(),
      row.owner,
      virtualOf(row.owner) + row.offset_s,
    ) !== undefined;

  const mine = headsOf(
    `(j.state = 'queued' AND j.not_before_ms <= ?1 AND (?2 = 0 OR
        (SELECT count(*) FROM jobs a WHERE a.owner = j.owner AND a.state = 'active') < ?2))
     OR (j.state = 'active' AND j.parked = 1 AND j.worker = ?3)`,
  );

  const standing = (claim: Claim): Standing => {
    const row = held(claim);
    if (row === undefined) return { kind: "stale" };
    const now = nowMs();
    run("UPDATE jobs SET lease_ms = ?, updated_ms = ? WHERE id = ?", now + LEASE_MS_OF.sqlite, now, claim.id);
    return { kind: "held", cancelRequested: row.cancel === 1, shouldYield: row.parked === 0 && shouldYield(row) };
  };

  return {
    claim: (worker, reader, activeJobsPerOwner): Turn | undefined => {
      const now = nowMs();
      const next = one<JobRow>(
        `${mine} ORDER BY rank_s, h.parked DESC, h.created_ms, h.seq LIMIT 1`,
        now,
        activeJobsPerOwner,
        worker,
      );
      if (next === undefined) return undefined;
      serve(next);
      if (next.state === "active") {
        run("UPDATE jobs SET parked = 0, lease_ms = ? WHERE id = ?", now + LEASE_MS_OF.sqlite, next.id);
        return { kind: "resume", id: next.id, token: next.token };
      }
      if (next.reader !== reader) run("DELETE FROM readings WHERE job = ?", next.id);
      run(
        `UPDATE jobs SET state = 'active', token = token + 1, attempts = attempts + 1, worker = ?, lease_ms = ?, updated_ms = ?,
         started_ms = ifnull(started_ms, ?), done_s = iif(reader IS ?, done_s, 0), reader = ? WHERE id = ?`,
        worker,
        now + LEASE_MS_OF.sqlite,
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
      charge(row, doneS - row.done_s);
      run(
        "UPDATE jobs SET done_s = max(done_s, ?), total_s = ifnull(?, total_s) WHERE id = ?",
        doneS,
        totalS ?? null,
        claim.id,
      );
      if (doneS > row.done_s) tell(claim.id, "progress");
      return standing(claim);
    },

    release: (claim, notBeforeMs = 0) => {
      const row = held(claim);
      if (row === undefined) return false;
      if (row.cancel === 1) {
        end(row, "cancelled");
        return true;
      }
      run(
        `UPDATE jobs SET state = 'queued', worker = NULL, parked = 0, token = token + 1, attempts = attempts - 1, updated_ms = ?,
         not_before_ms = ?
         WHERE id = ?`,
        nowMs(),
        notBeforeMs,
        claim.id,
      );
      tell(claim.id, "queued");
      return true;
    },

    finish: (claim, result, durationS) => {
      const row = held(claim);
      if (row === undefined) return false;
      charge(row, durationS - row.done_s);
      run("UPDATE jobs SET done_s = ?, total_s = ? WHERE id = ?", durationS, durationS, claim.id);
      if (row.cancel === 0) run("INSERT INTO results (job, result) VALUES (?, ?)", claim.id, result);
      end(row, "done");
      return row.cancel === 0;
    },

    fail: (claim, fault, isFinal) => {
      const row = held(claim);
      if (row === undefined) return false;
      if (isFinal) end(row, "failed", fault);
      else again(row, fault, backoffMs(row.attempts, random()));
      return true;
    },

    confirmCancel: (claim) => {
      const row = held(claim);
      if (row === undefined) return false;
      end(row, "cancelled");
      return true;
    },
  };
}
