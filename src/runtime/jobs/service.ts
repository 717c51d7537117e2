import { createFileBlobs } from "../../store/blobs/files.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import type { JobPlace } from "../../store/jobs/place.ts";
import { openJobsInThread } from "../../store/jobs/store-thread.ts";
import type { JobStats, JobStore } from "../../store/jobs/types.ts";
import type { Engine } from "../../engine/contract.ts";
import type { Clock } from "../../shared/time/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { setInterval, setTimeout } from "../../shared/time/timers.ts";
import type { KeyCheck } from "../access/keys.ts";
import type { Admission } from "../admission/admission.ts";
import type { Settings } from "../lifecycle/settings.ts";
import { keyOf } from "./owner.ts";
import { createCallbacks } from "./callbacks.ts";
import { removeOrphans, tidy } from "./janitor.ts";
import { createUploadLocks } from "./upload-locks.ts";
import type { UploadLocks } from "./upload-locks.ts";
import { createJobWorker } from "./worker.ts";
import type { JobWorker } from "./worker.ts";

/** What the work needs of the server around it. */
export interface JobsHost {
  readonly engine: Engine;
  readonly admission: Admission;
  readonly settings: Settings;
  readonly keys: Pick<KeyCheck, "spend">;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The jobs of one running server. */
export interface Jobs {
  /** Undefined until `open`. */
  readonly store: JobStore | undefined;
  readonly blobs: Blobs;
  readonly uploads: UploadLocks;
  /** Opens the store and starts the work. Rejects when the folder cannot be used. */
  open(host: JobsHost): Promise<void>;
  /** A job was queued or changed. */
  changed(id: string): void;
  /** Resolves when something of the job may have changed, or after a while: another process may have changed it. */
  nextChange(id: string, signal: AbortSignal): Promise<void>;
  /** A job was cancelled, deleted or given up: its run stops, its audio goes. */
  cancelled(id: string): void;
  /** Hands all jobs back and takes no more. The store stays open for readers. */
  stopWork(): Promise<void>;
  /** Numbers of a moment ago, for metrics and status; undefined until `open`. */
  readonly stats: JobStats | undefined;
  close(): Promise<void>;
}

const TIDY_MS = 10_000;
const STATS_MS = 5000;
/** How soon a reader of events sees what another process did. */
const POLL_MS = 1000;

export function createJobs(place: JobPlace): Jobs {
  const blobs = createFileBlobs(place.audioDir);
  const readers = new Map<string, Set<() => void>>();
  const timers: NodeJS.Timeout[] = [];
  let store: JobStore | undefined;
  let worker: JobWorker | undefined;
  let stats: JobStats | undefined;
  let stopped: Promise<void> | undefined;
  let tidyNow = (): void => {};

  const wakeReaders = (id: string): void => {
    for (const wake of readers.get(id) ?? []) wake();
  };

  return {
    blobs,
    uploads: createUploadLocks(),
    get store() {
      return store;
    },
    get stats() {
      return stats;
    },
    open: async ({ log, clock, settings, engine, admission, keys, version }) => {
      const opened = await openJobsInThread(place.databaseFile);
      store = opened;
      await removeOrphans(opened, blobs, log);
      const callbacks = createCallbacks({ store: opened, config: () => settings.current.jobs, clock, log });
      const guarded = (what: string, action: () => Promise<unknown>): (() => void) =>
        oneAtATime(async () => {
          try {
            await action();
          } catch (error) {
            log.warn("job_upkeep_failed", { what, err: error });
          }
        });
      tidyNow = guarded("tidy", () => tidy(opened, blobs));
      const tell = guarded("callbacks", () => callbacks.send());
      const count = guarded("stats", async () => {
        stats = await opened.stats();
      });
      stats = await opened.stats();
      worker = createJobWorker({
        store: opened,
        blobs,
        engine,
        admission,
        config: () => settings.current,
        version,
        count: (owner, audioS) => {
          const key = keyOf(owner);
          return key === undefined ? undefined : keys.spend(key, audioS * 1000);
        },
        clock,
        log,
        onChange: wakeReaders,
        onEnded: () => {
          tidyNow();
          tell();
          count();
        },
      });
      if (stopped !== undefined) await worker.stop();
      for (const [everyMs, action] of [
        [TIDY_MS, () => tidyNow()],
        [STATS_MS, tell],
        [STATS_MS, count],
      ] as const) {
        const timer = setInterval(action, everyMs);
        timer.unref();
        timers.push(timer);
      }
      tidyNow();
      worker.wake();
    },
    changed: (id) => {
      wakeReaders(id);
      worker?.wake();
    },
    nextChange: (id, signal) =>
      new Promise((resolve) => {
        const wake = (): void => {
          clearTimeout(timer);
          signal.removeEventListener("abort", wake);
          waiting.delete(wake);
          if (waiting.size === 0) readers.delete(id);
          resolve();
        };
        const waiting = readers.get(id) ?? new Set();
        readers.set(id, waiting);
        waiting.add(wake);
        const timer = setTimeout(wake, POLL_MS);
        signal.addEventListener("abort", wake, { once: true });
        if (signal.aborted) wake();
      }),
    cancelled: (id) => {
      wakeReaders(id);
      worker?.look(id);
      tidyNow();
    },
    stopWork: () => (stopped ??= worker?.stop() ?? Promise.resolve()),
    close: async () => {
      for (const timer of timers) clearInterval(timer);
      for (const waiting of readers.values()) for (const wake of waiting) wake();
      await store?.close();
    },
  };
}

// ---

/** Runs the action, and once more when it was asked for while it ran. It must not reject. */
function oneAtATime(action: () => Promise<void>): () => void {
  let isRunning = false;
  let isAsked = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    while (isAsked) {
      isAsked = false;
      await action();
    }
    isRunning = false;
  };
  return () => {
    isAsked = true;
    if (!isRunning) void run();
  };
}
