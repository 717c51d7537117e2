import { MAX_ATTEMPTS } from "../policy.ts";
import type { JobFault } from "../types.ts";
import type { JobRow } from "../rows.ts";
import type { JobTable } from "./table.ts";

/** How a run or a job ends. */
export interface Endings {
  /** Marks a job for deletion. Who still writes for it has an old token from now on. */
  doom(id: string): void;
  /** A cancellation that was acknowledged wins over whatever the worker reports after it. */
  end(row: JobRow, outcome: "done" | "failed" | "cancelled", cause?: JobFault): void;
  /** Queues the job again after a failed run, later and later; ends it after the last one. */
  again(row: JobRow, fault: JobFault, waitMs: number): void;
}

export function createEndings({ nowMs, run, tell }: JobTable): Endings {
  const doom = (id: string): void => {
    run(
      "UPDATE jobs SET state = 'purging', token = token + 1, expires_ms = 0, audio_until_ms = 0, callback_due_ms = 0 WHERE id = ?",
      id,
    );
  };

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

  const again = (row: JobRow, fault: JobFault, waitMs: number): void => {
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
      now + waitMs,
      fault.code,
      fault.message,
      row.id,
    );
    tell(row.id, "retrying");
  };

  return { doom, end, again };
}
