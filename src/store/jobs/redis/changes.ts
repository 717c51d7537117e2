import { MAX_ATTEMPTS, backoffMs } from "../policy.ts";
import type { JobEventType, JobFault } from "../types.ts";
import type { Draft, RedisRow } from "./table.ts";

/** Marks a job for deletion. Who still writes for it has an old token from now on. */
export function doom(row: RedisRow, draft: Draft): void {
  const gone = { state: "purging" as const, expires_ms: 0, audio_until_ms: 0, callback_due_ms: 0 };
  draft.save(row, { ...row, ...gone, token: row.token + 1 });
}

/** A cancellation that was acknowledged wins over whatever the worker reports after it. */
export function end(
  row: RedisRow,
  draft: Draft,
  outcome: "done" | "failed" | "cancelled",
  { cause, before = row }: { readonly cause?: JobFault; readonly before?: RedisRow } = {},
): RedisRow {
  const { nowMs } = draft;
  const state = row.cancel === 1 ? "cancelled" : outcome;
  const fault = state === outcome ? cause : undefined;
  const keepAudioMs = { done: row.keep_audio_ms, failed: row.keep_failed_ms, cancelled: 0 }[state];
  const ended: RedisRow = {
    ...row,
    ...idle(row),
    state,
    finished_ms: nowMs,
    updated_ms: nowMs,
    cancel: 0,
    fault_code: fault?.code ?? null,
    fault_message: fault?.message ?? null,
    audio_until_ms: nowMs + keepAudioMs,
    expires_ms: nowMs + Math.max(row.keep_result_ms, keepAudioMs),
    callback_due_ms: row.callback === null ? 0 : nowMs,
    callback_tries: 0,
  };
  draft.save(before, ended);
  draft.tell(ended, state);
  return ended;
}

/** Queues the job again after a failed run, later and later; ends it after the last one. */
export function again(row: RedisRow, draft: Draft, fault: JobFault, waitMs: number): RedisRow {
  if (row.cancel === 1 || row.attempts >= MAX_ATTEMPTS)
    return end(row, draft, "failed", { cause: poisoned(row, fault) });
  const kept = { fault_code: fault.code, fault_message: fault.message };
  return queue({ ...row, ...kept }, draft, "retrying", {
    notBeforeMs: waitMs === 0 ? 0 : draft.nowMs + waitMs,
    before: row,
  });
}

/** Queues a job; its earlier tickets and claims are of no use from now on. */
export function queue(
  row: RedisRow,
  draft: Draft,
  event: JobEventType,
  { notBeforeMs = 0, before = row }: { readonly notBeforeMs?: number; readonly before?: RedisRow } = {},
): RedisRow {
  const queued: RedisRow = {
    ...row,
    ...idle(row),
    state: "queued",
    updated_ms: draft.nowMs,
    not_before_ms: notBeforeMs > draft.nowMs ? notBeforeMs : 0,
  };
  draft.run(["ENTER", row.owner]);
  draft.save(before, queued);
  draft.tell(queued, event);
  return queued;
}

export { backoffMs };

// ---

/** No worker holds it. */
function idle({ token }: RedisRow): Pick<RedisRow, "token" | "worker" | "parked" | "lease_ms"> {
  return { token: token + 1, worker: null, parked: 0, lease_ms: 0 };
}

function poisoned({ attempts }: RedisRow, fault: JobFault): JobFault {
  return {
    code: "job_poisoned",
    message: `the job failed ${attempts} times and is not tried again; the last time: ${fault.message}`,
  };
}
