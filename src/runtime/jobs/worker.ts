import { randomUUID } from "node:crypto";
import type { ResolvedConfig } from "../../config/types.ts";
import type { Engine, ModelInfo } from "../../engine/contract.ts";
import type { Tracing } from "../tracing/trace.ts";
import { traceWindow } from "../tracing/window-step.ts";
import type { Clock } from "../../shared/time/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { setInterval } from "../../shared/time/timers.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import type { JobStore, Turn } from "../../store/jobs/types.ts";
import type { Admission, Slot } from "../admission/admission.ts";
import { startRun } from "./run.ts";
import type { Published, Run } from "./run.ts";

/** Takes jobs from the store and runs them, a few at a time, behind everything that a client waits for. */
export interface JobWorker {
  /** There may be work. */
  wake(): void;
  /** The job may have been cancelled: its run asks the store now. */
  look(id: string): void;
  /** Another form of the encoder reads from now on: what is under way begins again with it, so that no result is of two readers. */
  startAgain(): void;
  /** Hands every job back and takes no more. Resolves when that is kept. */
  stop(): Promise<void>;
  readonly running: number;
}

export interface JobWorkerOptions {
  readonly store: JobStore;
  readonly blobs: Blobs;
  readonly engine: Engine;
  readonly admission: Admission;
  readonly tracing: Tracing;
  readonly config: () => ResolvedConfig;
  readonly version: string;
  /** How often leases are renewed. */
  readonly renewMs: number;
  /** Counts audio of an owner; returns the time until which it has none left, if that is so. */
  readonly count: (owner: string, audioS: number) => number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
  /** Windows were kept, or the state has changed: readers of events look again. */
  readonly onChange: (id: string) => void;
  readonly onPublished: Published;
  /** A run has ended: audio may go, a callback may be due. */
  readonly onEnded: () => void;
}

/** Work that another process queued, or whose time has come, is found within this time. */
const LOOK_MS = 2000;
/** A run that stands still costs little: its decoder and what is under way. More than these give their job back. */
const MOST_PARKED = 4;
/** When clients keep every slot busy for so long, a job waits for a slot like one of them. */
const PATIENCE_MS = 60_000;
/** Its place among the clients of the admission. */
const CLIENT = "jobs";

export function createJobWorker(options: JobWorkerOptions): JobWorker {
  const { store, engine, admission, clock, log } = options;
  const name = randomUUID();
  const stopping = new AbortController();
  /** Runs with a slot, and those that stand still. */
  const running = new Map<string, { readonly run: Run; readonly slot: Slot }>();
  const parked = new Map<string, Run>();
  let filling: Promise<void> | undefined;
  let isAskedAgain = false;
  let waitsSinceMs: number | undefined;

  const timers = [
    setInterval(() => wake(), LOOK_MS),
    setInterval(() => {
      for (const run of [...[...running.values()].map((entry) => entry.run), ...parked.values()]) void renew(run);
    }, options.renewMs),
  ];
  for (const timer of timers) timer.unref();

  const renew = async (run: Run): Promise<void> => {
    try {
      run.heed(await store.renew(run.claim));
    } catch (error) {
      log.warn("job_renew_failed", { job: run.claim.id, err: error });
    }
  };

  const isReady = (): boolean => engine.state === "ready" || engine.state === "unloaded";

  /** Clients go first; but a machine that is always busy gives jobs a share. */
  const mayTake = (): boolean => {
    if (admission.available > 0 && admission.waiters === 0) return true;
    waitsSinceMs ??= clock.monotonicMs();
    return clock.monotonicMs() - waitsSinceMs > PATIENCE_MS;
  };

  const fill = async (): Promise<void> => {
    while (!stopping.signal.aborted && isReady() && running.size < options.config().jobs.parallel && mayTake()) {
      const model = engine.model;
      if (model === undefined) return;
      const turn = await store.claim(name, readerOf(model, options.version), options.config().jobs.perOwner.active);
      if (turn === undefined) {
        waitsSinceMs = undefined;
        return;
      }
      await take(turn);
    }
  };

  const take = async (turn: Turn): Promise<void> => {
    let run = turn.kind === "resume" ? parked.get(turn.id) : undefined;
    let isSuspended = false;
    let slot: Slot;
    try {
      slot = await admission.acquire({
        client: CLIENT,
        kind: "file",
        signal: stopping.signal,
        onSuspend: () => {
          isSuspended = true;
          run?.suspend();
        },
        onResume: () => {
          isSuspended = false;
          run?.resume();
        },
      });
    } catch (error) {
      log.debug("job_waits", { job: turn.id, err: error });
      if (run !== undefined) await store.park(turn);
      else await store.release(turn);
      return;
    }
    waitsSinceMs = undefined;
    if (run !== undefined) {
      parked.delete(turn.id);
      run.resume();
    } else if (turn.kind === "claimed") {
      run = begin(turn);
    } else {
      slot.release();
      return;
    }
    if (isSuspended) run.suspend();
    running.set(turn.id, { run, slot });
  };

  const begin = (claim: Extract<Turn, { kind: "claimed" }>): Run => {
    log.info("job_started", { job: claim.id, attempt: claim.job.attempts, windows_kept: claim.readings.length });
    const trace = options.tracing.begin({
      name: "job",
      kind: "consumer",
      startMs: clock.monotonicMs(),
      attributes: {
        "gigastt.job": claim.id,
        "gigastt.attempt": claim.job.attempts,
        "gigastt.waited_ms": Math.max(0, clock.nowMs() - claim.job.createdMs),
      },
    });
    const run = startRun({
      claim,
      onWindow: trace && ((window) => traceWindow(trace, clock.monotonicMs(), window)),
      store,
      blobs: options.blobs,
      engine,
      log,
      maxDurationMs: options.config().limits.maxAudioDurationMs,
      count: (audioS) => options.count(claim.job.owner, audioS),
      onChange: options.onChange,
      onPublished: options.onPublished,
      onYield: () => void giveWay(claim.id),
    });
    void run.ended.then((outcome) => {
      trace?.end(clock.monotonicMs(), { "gigastt.outcome": outcome }, { isFailed: outcome === "failed" });
      parked.delete(claim.id);
      running.get(claim.id)?.slot.release();
      running.delete(claim.id);
      options.onEnded();
      wake();
    });
    return run;
  };

  /** What is being recognised is finished and kept; the next turn is the store's to give. */
  const giveWay = async (id: string): Promise<void> => {
    const entry = running.get(id);
    if (entry === undefined) return;
    if (parked.size >= MOST_PARKED) return entry.run.handBack();
    running.delete(id);
    parked.set(id, entry.run);
    entry.run.suspend();
    entry.slot.release();
    try {
      await store.park(entry.run.claim);
    } catch (error) {
      log.warn("job_park_failed", { job: id, err: error });
      entry.run.handBack();
    }
    wake();
  };

  const wake = (): void => {
    if (stopping.signal.aborted) return;
    isAskedAgain = true;
    filling ??= (async () => {
      while (isAskedAgain) {
        isAskedAgain = false;
        try {
          await fill();
        } catch (error) {
          log.warn("job_claim_failed", { err: error });
        }
      }
    })().finally(() => {
      filling = undefined;
    });
  };

  return {
    wake,
    look: (id) => {
      const run = running.get(id)?.run ?? parked.get(id);
      if (run !== undefined) void renew(run);
    },
    startAgain: () => {
      for (const run of [...[...running.values()].map((entry) => entry.run), ...parked.values()]) run.handBack();
    },
    stop: async () => {
      stopping.abort(new Error("the worker stops"));
      for (const timer of timers) clearInterval(timer);
      await filling;
      const runs = [...[...running.values()].map((entry) => entry.run), ...parked.values()];
      for (const run of runs) run.handBack();
      await Promise.all(runs.map((run) => run.ended));
    },
    get running() {
      return running.size + parked.size;
    },
  };
}

// ---

/** What windows depend on beside the audio and the options: a checkpoint of another reader is of no use. */
function readerOf({ bundleHash, precision, encoderForm }: ModelInfo, version: string): string {
  return `${bundleHash} ${precision} ${encoderForm === "rewritten" ? "rewritten" : "published"} ${version}`;
}
