import type { Job, JobEvent, JobEventType, JobFault, JobState, Priority } from "./types.ts";

/** A row of `jobs`, as SQLite returns it. */
export interface JobRow {
  readonly id: string;
  readonly owner: string;
  readonly state: JobState | "purging";
  readonly priority: Priority;
  readonly offset_s: number;
  readonly params: string;
  readonly created_ms: number;
  readonly updated_ms: number;
  readonly started_ms: number | null;
  readonly finished_ms: number | null;
  readonly attempts: number;
  readonly token: number;
  readonly parked: number;
  readonly not_before_ms: number;
  readonly cancel: number;
  readonly reader: string | null;
  readonly done_s: number;
  readonly total_s: number | null;
  readonly parts: number;
  readonly bytes: number;
  readonly sha256: string | null;
  readonly has_audio: number;
  readonly audio_until_ms: number;
  readonly expires_ms: number;
  readonly keep_audio_ms: number;
  readonly keep_failed_ms: number;
  readonly keep_result_ms: number;
  readonly fault_code: string | null;
  readonly fault_message: string | null;
  readonly callback: string | null;
  readonly callback_tries: number;
}

export interface EventRow {
  readonly seq: number;
  readonly job: string;
  readonly at_ms: number;
  readonly type: JobEventType;
  readonly done_s: number;
  readonly total_s: number | null;
  readonly fault_code: string | null;
  readonly fault_message: string | null;
}

export function jobOf(row: JobRow): Job {
  return {
    id: row.id,
    owner: row.owner,
    state: row.state as JobState, // rows that are being purged are filtered by every reader
    priority: row.priority,
    params: row.params,
    createdMs: row.created_ms,
    updatedMs: row.updated_ms,
    startedMs: row.started_ms ?? undefined,
    finishedMs: row.finished_ms ?? undefined,
    attempts: row.attempts,
    doneS: row.done_s,
    totalS: row.total_s ?? undefined,
    audioBytes: row.bytes,
    audioParts: row.parts,
    hasAudio: row.has_audio === 1,
    fault: faultOf(row),
    cancelRequested: row.cancel === 1,
    callbackUrl: row.callback ?? undefined,
    notBeforeMs: row.not_before_ms,
    expiresMs: row.expires_ms,
  };
}

export function eventOf(row: EventRow): JobEvent {
  return {
    seq: row.seq,
    job: row.job,
    atMs: row.at_ms,
    type: row.type,
    doneS: row.done_s,
    totalS: row.total_s ?? undefined,
    fault: faultOf(row),
  };
}

function faultOf(row: Pick<JobRow, "fault_code" | "fault_message">): JobFault | undefined {
  return row.fault_code === null ? undefined : { code: row.fault_code, message: row.fault_message ?? "" };
}
