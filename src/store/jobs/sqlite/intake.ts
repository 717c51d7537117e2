import { CLASS_OFFSET_S, IDEMPOTENCY_MS } from "../policy.ts";
import type { SqlValue } from "../../sqlite-engine.ts";
import type { SyncJobStore } from "../methods.ts";
import type { JobWishes } from "../types.ts";
import type { Endings } from "./endings.ts";
import type { Owners } from "./owners.ts";
import { jobOf } from "../rows.ts";
import type { JobRow } from "../rows.ts";
import type { JobTable } from "./table.ts";

/** The columns of what a client asked for. */
const WISHES: Readonly<Record<string, (wishes: JobWishes) => SqlValue>> = {
  priority: ({ priority }) => priority,
  offset_s: ({ priority }) => CLASS_OFFSET_S[priority],
  params: ({ params }) => params,
  keep_audio_ms: ({ retention }) => retention.audioMs,
  keep_failed_ms: ({ retention }) => retention.failedAudioMs,
  keep_result_ms: ({ retention }) => retention.resultMs,
  idempotency_key: ({ idempotencyKey }) => idempotencyKey ?? null,
  callback: ({ callbackUrl }) => callbackUrl ?? null,
};

function wishValues(wishes: JobWishes): readonly SqlValue[] {
  return Object.values(WISHES).map((valueOf) => valueOf(wishes));
}

/** What clients do with jobs. */
export function createIntake(
  { nowMs, one, run, rowOf, tell }: JobTable,
  { enter, refusalOf }: Owners,
  { doom, end }: Endings,
): Pick<SyncJobStore, "begin" | "submit" | "touch" | "abandon" | "retry" | "cancel" | "purge"> {
  return {
    begin: (draft, quotas) => {
      const refusal = refusalOf(draft.owner, draft.id, draft.bytes ?? 0, quotas);
      if (refusal !== undefined) return refusal;
      const now = nowMs();
      const columns = Object.keys(WISHES);
      run(
        `INSERT INTO jobs (id, owner, state, created_ms, updated_ms, bytes, ${columns.join(", ")})
         VALUES (?, ?, 'uploading', ?, ?, ?, ${columns.map(() => "?").join(", ")})`,
        draft.id,
        draft.owner,
        now,
        now,
        draft.bytes ?? 0,
        ...wishValues(draft),
      );
      return { kind: "begun" };
    },

    submit: (id, audio, quotas, asked) => {
      if (rowOf(id)?.state !== "uploading") return { kind: "gone" };
      if (asked !== undefined) {
        run(
          `UPDATE jobs SET ${Object.keys(WISHES)
            .map((column) => `${column} = ?`)
            .join(", ")} WHERE id = ?`,
          ...wishValues(asked),
          id,
        );
      }
      const row = rowOf(id)!; // just seen
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

    touch: (id) => void run("UPDATE jobs SET updated_ms = ? WHERE id = ? AND state = 'uploading'", nowMs(), id),

    abandon: (id) => {
      if (rowOf(id)?.state === "uploading") doom(id);
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
  };
}
