import { isStoreUnreachable } from "../../store/unreachable.ts";
import type { Blobs } from "../../store/blobs/files.ts";
import type { JobPlace } from "../../store/jobs/place.ts";
import { openBlobs, openJobs, paceOf } from "../../store/jobs/open.ts";
import type { JobStats, JobStore } from "../../store/jobs/types.ts";
import type { Engine } from "../../engine/contract.ts";
import { randomUUID } from "node:crypto";
import { sharedHashOf } from "../../config/shared-hash.ts";
import { messageOf } from "../../shared/errors.ts";
import type { Clock } from "../../shared/time/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { setInterval, setTimeout } from "../../shared/time/timers.ts";
import type { KeyCheck } from "../access/keys.ts";
import type { Admission } from "../admission/admission.ts";
import type { Settings } from "../lifecycle/settings.ts";
import { keyOf } from "../access/owner.ts";
import { createCallbacks } from "./callbacks.ts";
import { removeOrphans, tidy } from "./janitor.ts";
import { createUploadLocks } from "./upload-locks.ts";
import type { Tracing } from "../tracing/trace.ts";
import type { UploadLocks } from "./upload-locks.ts";
import { createJobWorker } from "./worker.ts";
import type { JobWorker } from "./worker.ts";
import type { Published } from "./run.ts";

/** What the work needs of the server around it. */
export interface JobsHost {
  readonly engine: Engine;
  readonly admission: Admission;
  readonly settings: Settings;
  readonly keys: Pick<KeyCheck, "spend">;
  readonly onPublished: Published;
  readonly tracing: Tracing;
  readonly version: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The jobs of one running server. */
export interface Jobs {
  /** Undefined until `open`. */
  readonly store: JobStore | undefined;
  /** The store could not be reached yet; it is tried again. */
  readonly isAway: boolean;
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
  /** Replicas whose configuration differs from this one's. */
  readonly strangers: number;
  close(): Promise<void>;
}

const STATS_MS = 5000;
const AGAIN_MS = 5000;
/** How often replicas say that they live. */
const MEET_MS = 20_000;
/** How soon a reader of events sees what another process did. */
const POLL_MS = 1000;

export function createJobs(place: JobPlace): Jobs {
  const blobs = openBlobs(place);
  const pace = paceOf(place);
  const readers = new Map<string, Set<() => void>>();
  const timers: NodeJS.Timeout[] = [];
  let store: JobStore | undefined;
  let isAway = false;
  let strangers = 0;
  let isClosed = false;
  let worker: JobWorker | undefined;
  let stats: JobStats | undefined;
  let stopped: Promise<void> | undefined;
  let tidyNow = (): void => {};

  const wakeReaders = (id: string): void => {
    for (const wake of readers.get(id) ?? []) wake();
  };

  const begin = async ({
    log,
    clock,
    settings,
    engine,
    admission,
    keys,
    tracing,
    version,
    onPublished,
  }: JobsHost): Promise<void> => {
    const opened = await openJobs(place);
    if (isClosed) return opened.close();
    try {
      await removeOrphans(opened, blobs, log);
    } catch (error) {
      await opened.close();
      throw error;
    }
    store = opened;
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
    // A worker may have no way out of its network; what takes requests has one.
    const tell =
      settings.current.jobs.role === "worker" ? (): void => {} : guarded("callbacks", () => callbacks.send());
    const count = guarded("stats", async () => {
      stats = await opened.stats();
    });
    stats = await opened.stats();
    const self = { name: randomUUID(), role: settings.current.jobs.role, version };
    const meet = guarded("replicas", async () => {
      const configHash = sharedHashOf(settings.current);
      const others = (await opened.join({ ...self, configHash })).filter((other) => other.configHash !== configHash);
      if (others.length > 0 && others.length !== strangers) {
        log.warn("job_replicas_differ", {
          count: others.length,
          roles: others.map(({ role }) => role),
          cure: "give all replicas the same configuration file",
        });
      }
      strangers = others.length;
    });
    meet();
    // A replica that takes requests alone leaves the jobs to the workers.
    if (settings.current.jobs.role !== "api") {
      worker = createJobWorker({
        renewMs: pace.renewMs,
        store: opened,
        blobs,
        engine,
        admission,
        tracing,
        config: () => settings.current,
        version,
        count: (owner, audioS) => {
          const key = keyOf(owner);
          return key === undefined ? undefined : keys.spend(key, audioS * 1000);
        },
        clock,
        log,
        onChange: wakeReaders,
        onPublished,
        onEnded: () => {
          tidyNow();
          tell();
          count();
        },
      });
    }
    engine.onEncoderChange = () => worker?.startAgain();
    if (stopped !== undefined) await worker?.stop();
    for (const [everyMs, action] of [
      [pace.sweepMs, () => tidyNow()],
      [STATS_MS, tell],
      [MEET_MS, meet],
      [STATS_MS, count],
    ] as const) {
      const timer = setInterval(action, everyMs);
      timer.unref();
      timers.push(timer);
    }
    tidyNow();
    worker?.wake();
  };

  const jobs: Jobs = {
    blobs,
    uploads: createUploadLocks(),
    get store() {
      return store;
    },
    get strangers() {
      return strangers;
    },
    get stats() {
      return stats;
    },
    get isAway() {
      return isAway;
    },
    open: async (host) => {
      try {
        await begin(host);
        isAway = false;
      } catch (error) {
        if (!isStoreUnreachable(error)) throw error;
        // Live sessions and requests are served without it.
        if (!isAway) host.log.warn("jobs_away", { reason: messageOf(error) });
        isAway = true;
        timers.push(setTimeout(() => void retry(host), AGAIN_MS).unref());
      }
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
      isClosed = true;
      await store?.close();
    },
  };
  const retry = async (host: JobsHost): Promise<void> => {
    try {
      if (!isClosed) await jobs.open(host);
    } catch (error) {
      host.log.error("jobs_unusable", { reason: messageOf(error) });
    }
  };
  return jobs;
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
