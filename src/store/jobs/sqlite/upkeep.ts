import { createClockWatch } from "../../clock-watch.ts";
import { UPLOAD_MS, backoffMs, dayOf } from "../policy.ts";
import type { SyncJobStore } from "../methods.ts";
import type { Endings } from "./endings.ts";
import { jobOf } from "../rows.ts";
import type { JobRow } from "../rows.ts";
import type { JobTable } from "./table.ts";
import { mendTimes } from "./times.ts";

/** A notification that is being sent is not sent again before this. */
const DELIVERY_LEASE_MS = 60_000;
const DELIVERIES_AT_ONCE = 20;

/** What has to be done from time to time. */
export function createUpkeep(
  table: JobTable,
  { doom, again }: Endings,
): Pick<SyncJobStore, "sweep" | "doomed" | "buried" | "exists" | "deliveries" | "settleDelivery"> {
  const { nowMs, random, all, run, count } = table;
  const newestMs = count("SELECT max(updated_ms) AS n FROM jobs");
  const watch = createClockWatch(table, newestMs === 0 ? undefined : newestMs);
  return {
    sweep: () => {
      const set = watch.look();
      if (set !== undefined) mendTimes(table, set);
      const now = nowMs();
      const lost = all<JobRow>("SELECT * FROM jobs WHERE state = 'active' AND lease_ms < ?", now);
      const fault = { code: "worker_lost", message: "its worker stopped without a word" };
      // Losing its worker once is not the job's doing.
      for (const row of lost) again(row, fault, backoffMs(row.attempts - 1, random()));
      const given = all<{ id: string }>(
        `SELECT id FROM jobs WHERE (state = 'uploading' AND updated_ms < ?) OR (expires_ms > 0 AND expires_ms <= ?)`,
        watch.mayDelete() ? now - UPLOAD_MS : 0,
        watch.mayDelete() ? now : 0,
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
        watch.mayDelete() ? nowMs() : 0,
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
  };
}
