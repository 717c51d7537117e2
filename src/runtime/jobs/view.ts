import type { Job, JobEvent, JobState } from "../../store/jobs/types.ts";

/** The word of the wire for each state. */
export const WIRE_STATES: Readonly<Record<JobState, string>> = {
  uploading: "uploading",
  queued: "queued",
  active: "processing",
  done: "done",
  failed: "failed",
  cancelled: "cancelled",
};

/** Returns a job as clients see it. Times are Unix seconds. */
export function jobView(job: Job, nowMs: number): Record<string, unknown> {
  return {
    job_id: job.id,
    status: WIRE_STATES[job.state],
    created_at: seconds(job.createdMs),
    started_at: seconds(job.startedMs),
    finished_at: seconds(job.finishedMs),
    priority: job.priority,
    processed_seconds: round(job.doneS),
    ...(job.totalS === undefined ? {} : { duration: round(job.totalS) }),
    percent: percentOf(job.doneS, job.totalS, job.state === "done"),
    attempts: job.attempts,
    ...(job.fault === undefined ? {} : { error: job.fault.message, code: job.fault.code }),
    ...(job.state === "queued" && job.notBeforeMs > nowMs ? { retry_at: seconds(job.notBeforeMs) } : {}),
    ...(job.cancelRequested ? { cancel_requested: true } : {}),
    ...(job.expiresMs === 0 ? {} : { expires_at: seconds(job.expiresMs) }),
    audio_stored: job.hasAudio && job.audioBytes > 0 && job.state !== "uploading",
    links: {
      self: `/v1/jobs/${job.id}`,
      events: `/v1/jobs/${job.id}/events`,
      ...(job.state === "done" ? { result: `/v1/jobs/${job.id}/result` } : {}),
    },
  };
}

/** Returns an event of the stream. */
export function eventView(event: JobEvent): Record<string, unknown> {
  switch (event.type) {
    case "done":
    case "cancelled":
      return { type: event.type };
    case "failed":
      return { type: "failed", error: event.fault?.message ?? "", code: event.fault?.code };
    case "progress":
      return {
        type: "progress",
        percent: percentOf(event.doneS, event.totalS, false),
        processed_seconds: round(event.doneS),
        ...(event.totalS === undefined ? {} : { duration: round(event.totalS) }),
      };
    case "queued":
    case "retrying":
      return { type: "status", status: "queued" };
    case "started":
      return { type: "status", status: "processing" };
  }
}

export const FINAL_EVENTS: ReadonlySet<JobEvent["type"]> = new Set(["done", "failed", "cancelled"]);

// ---

/** 100 is said only when it is done. */
function percentOf(doneS: number, totalS: number | undefined, isDone: boolean): number {
  if (isDone) return 100;
  return totalS === undefined || totalS <= 0 ? 0 : Math.min(99, Math.floor((100 * doneS) / totalS));
}

function seconds(ms: number | undefined): number | undefined {
  return ms === undefined ? undefined : ms / 1000;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
