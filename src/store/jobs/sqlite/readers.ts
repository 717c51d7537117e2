import type { SqlValue } from "../../sqlite-engine.ts";
import { BYTES_PER_SECOND } from "../policy.ts";
import type { SyncJobStore } from "../methods.ts";
import { eventOf, jobOf } from "../rows.ts";
import type { EventRow, JobRow } from "../rows.ts";
import type { JobTable } from "./table.ts";

const EVENTS_AT_ONCE = 1000;

/** What readers ask. */
export function createReaders({
  nowMs,
  one,
  all,
  count,
  rowOf,
}: JobTable): Pick<SyncJobStore, "get" | "list" | "result" | "events" | "stats"> {
  return {
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
      return {
        queued: byState.get("queued") ?? 0,
        active: byState.get("active") ?? 0,
        uploading: byState.get("uploading") ?? 0,
        dead: count("SELECT count(*) AS n FROM jobs WHERE state = 'failed' AND fault_code = 'job_poisoned'"),
        waitingS: count(
          `SELECT sum(max(0, ifnull(total_s, bytes / ${BYTES_PER_SECOND}.0) - done_s)) AS n
           FROM jobs WHERE state IN ('queued', 'active')`,
        ),
        oldestQueuedMs:
          one<{ n: number | null }>("SELECT min(created_ms) AS n FROM jobs WHERE state = 'queued'")?.n ?? undefined,
        stuck: count("SELECT count(*) AS n FROM jobs WHERE state = 'active' AND lease_ms < ?", now),
        storedBytes: count("SELECT sum(bytes) AS n FROM jobs WHERE has_audio = 1"),
        pendingCallbacks: count("SELECT count(*) AS n FROM jobs WHERE callback_due_ms > 0"),
      };
    },
  };
}
