import type { Engine, Suspendable, Transcript, TranscribeOptions, WindowReading } from "../../engine/contract.ts";
import { isStoreUnreachable } from "../../store/unreachable.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import { readParts } from "../../store/blobs/files.ts";
import type { ClaimedJob, Job, JobFault, JobStore, Standing } from "../../store/jobs/types.ts";
import type { Logger } from "../../shared/log.ts";
import { setTimeout } from "../../shared/time/timers.ts";
import { toWireError } from "../http/replies/errors.ts";
import { engineOptions, parseTranscribeQuery } from "../http/transcribe/transcribe-query.ts";
import { errorCodeOf } from "../../shared/errors.ts";

/** One run of one job. Its lease is kept by the worker; this decodes, recognises, and keeps every window. */
export interface Run {
  readonly claim: ClaimedJob;
  /** Resolves when the run has ended and told the store how. */
  readonly ended: Promise<RunOutcome>;
  /** What the store said about the job: goes on, or stops for this reason. */
  heed(standing: Standing): void;
  /** Stops and gives the job back with what it has. */
  handBack(): void;
  suspend(): void;
  resume(): void;
}

export interface RunOptions {
  readonly claim: ClaimedJob;
  readonly store: JobStore;
  readonly blobs: Blobs;
  readonly engine: Engine;
  readonly maxDurationMs: number;
  readonly log: Logger;
  /** Windows or progress were kept, or the run has ended: readers of events look again. */
  readonly onChange: (id: string) => void;
  /** Counts audio of the job's owner; returns the time until which no more of it may be recognised, if there is one. */
  readonly count: (audioS: number) => number | undefined;
  readonly onPublished: Published;
  readonly onWindow: TranscribeOptions["onWindow"];
  /** Another owner's job has its turn. */
  readonly onYield: () => void;
}

/** `stopped`: given back, cancelled, or another run has it; `lost`: the store could not be told. */
export type RunOutcome = "done" | "failed" | "stopped" | "lost";

/** A job is done and its result is stored. */
export type Published = (job: Job, transcripts: readonly Transcript[]) => void;

/** Why a run was stopped; it decides what the store records. */
type Stop = "hand back" | "cancelled" | "stale";

class RunStopped extends Error {
  readonly why: Stop;

  constructor(why: Stop) {
    super(`the run of a job was stopped: ${why}`);
    this.why = why;
  }
}

/** Windows of one second are kept together: one write a second, whatever the machine's speed. */
const COMMIT_MS = 1000;

/** Codes of errors that are the server's: the job is given back, and the run does not count. */
const NOT_ITS_FAULT: ReadonlySet<string> = new Set([
  "initializing",
  "pool_closed",
  "shutting_down",
  "jobs_unavailable",
]);

export function startRun(options: RunOptions): Run {
  const { claim, store, blobs, engine, log } = options;
  const controller = new AbortController();
  let work: Suspendable | undefined;
  let isSuspended = false;
  let readings: string[] = [];
  let progress: { doneS: number; totalS: number | undefined } = { doneS: claim.job.doneS, totalS: claim.job.totalS };
  let timer: NodeJS.Timeout | undefined;
  let committing: Promise<void> = Promise.resolve();

  const stop = (why: Stop): void => controller.abort(new RunStopped(why));

  let countedS = claim.job.doneS;
  let resumeAtMs: number | undefined;
  const countUpTo = (audioS: number): void => {
    resumeAtMs = options.count(Math.max(0, audioS - countedS));
    countedS = Math.max(countedS, audioS);
  };

  const heed = (standing: Standing): void => {
    if (standing.kind === "stale") stop("stale");
    else if (standing.cancelRequested) stop("cancelled");
    else if (standing.shouldYield && !isSuspended) options.onYield();
  };

  const commit = async (): Promise<void> => {
    const kept = { readings, ...progress };
    readings = [];
    const standing = await store.commit(claim, kept);
    heed(standing);
    if (standing.kind === "held") countUpTo(kept.doneS);
    if (resumeAtMs !== undefined) stop("hand back");
    options.onChange(claim.id);
  };
  const commitSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      // Without what could not be kept the run cannot be continued, but it can still end well.
      committing = committing
        .then(commit)
        .catch((error: unknown) => log.warn("job_commit_failed", { job: claim.id, err: error }));
    }, COMMIT_MS);
  };

  const transcribe = async (): Promise<RunOutcome> => {
    const { job } = claim;
    countUpTo(countedS);
    if (resumeAtMs !== undefined) throw new RunStopped("hand back");
    const transcripts = await engine.transcribe({
      ...engineOptions(parseTranscribeQuery(new URLSearchParams(job.params))),
      audio: readParts(blobs, job.id, job.audioParts),
      maxDurationMs: options.maxDurationMs,
      signal: controller.signal,
      known: claim.readings.map((reading) => JSON.parse(reading) as WindowReading), // written below
      onReading: (reading) => {
        readings.push(JSON.stringify(reading));
        commitSoon();
      },
      onProgress: (doneS, totalS) => {
        // A takeover passes what is known already: that is not progress.
        if (doneS > progress.doneS) progress = { doneS, totalS: totalS ?? progress.totalS };
        else if (totalS !== undefined) progress = { doneS: progress.doneS, totalS };
        commitSoon();
      },
      ...(options.onWindow && { onWindow: options.onWindow }),
      onBegin: (begun) => {
        work = begun;
        if (isSuspended) begun.suspend();
      },
    });
    const durationS = Math.max(0, ...transcripts.map((transcript) => transcript.durationS));
    await settle();
    const isPublished = await patiently(() => store.finish(claim, JSON.stringify(transcripts), durationS));
    if (isPublished) {
      countUpTo(durationS);
      options.onPublished(job, transcripts);
    }
    log.info("job_ended", {
      job: job.id,
      state: isPublished ? "done" : "not published",
      audio_s: durationS,
      attempt: job.attempts,
    });
    return isPublished ? "done" : "stopped";
  };

  const settle = (): Promise<void> => {
    clearTimeout(timer);
    return committing;
  };

  const giveUp = async (error: unknown): Promise<RunOutcome> => {
    await settle();
    const why = error instanceof RunStopped ? error.why : undefined;
    const { wireCode, status, message } = toWireError(error);
    if (why === "stale") return "stopped";
    if (why === "cancelled") await patiently(() => store.confirmCancel(claim));
    else if (why === "hand back" || (why === undefined && NOT_ITS_FAULT.has(wireCode))) {
      if (readings.length > 0) await commit();
      await patiently(() => store.release(claim, resumeAtMs));
    } else {
      const isLost = errorCodeOf(error) === "ENOENT";
      const fault: JobFault = isLost
        ? { code: "audio_lost", message: "the stored audio is missing; upload it again" }
        : { code: wireCode, message };
      await patiently(() => store.fail(claim, fault, isLost || status < 500));
      log.warn("job_failed", {
        job: claim.id,
        code: fault.code,
        attempt: claim.job.attempts,
        ...(status < 500 ? {} : { err: error }),
      });
      return "failed";
    }
    return "stopped";
  };

  const run = async (): Promise<RunOutcome> => {
    try {
      return await transcribe();
    } catch (error) {
      return await giveUp(controller.signal.aborted ? controller.signal.reason : error);
    }
  };
  const ended = run()
    // The lease ends by itself, and another run takes over.
    .catch((error: unknown): RunOutcome => {
      log.error("job_store_failed", { job: claim.id, err: error });
      return "lost";
    })
    .finally(() => options.onChange(claim.id));

  return {
    claim,
    ended,
    heed,
    handBack: () => stop("hand back"),
    suspend: () => {
      isSuspended = true;
      work?.suspend();
    },
    resume: () => {
      isSuspended = false;
      work?.resume();
    },
  };
}

// ---

/** A run that has ended waits so long for a store that is away; then its lease ends it. A drain does not wait for it. */
const PATIENCE_MS = 60_000;
const AGAIN_MS = 1000;

/** Tries a last write again while the store is away. Repeating it is harmless: after the first one its token is old. */
async function patiently<T>(write: () => Promise<T>): Promise<T> {
  for (const startedMs = performance.now(); ;) {
    try {
      return await write();
    } catch (error) {
      if (!isStoreUnreachable(error) || performance.now() - startedMs > PATIENCE_MS) throw error;
      await new Promise<void>((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}
