import { randomUUID } from "node:crypto";
import { statfs } from "node:fs/promises";
import type { ArchiveConfig } from "../../config/types.ts";
import type { Engine } from "../../engine/contract.ts";
import type { Clock } from "../../shared/time/clock.ts";
import type { Logger } from "../../shared/log.ts";
import { setInterval, sleep } from "../../shared/time/timers.ts";
import { openArchive } from "../../store/archive/open.ts";
import type { ArchivePlace } from "../../store/archive/place.ts";
import type { ArchiveStats, ArchiveStore, NewEntry } from "../../store/archive/types.ts";
import type { JobStore } from "../../store/jobs/types.ts";
import { isStoreUnreachable } from "../../store/unreachable.ts";
import { modelLanguages } from "../language.ts";
import type { Settings } from "../lifecycle/settings.ts";
import { missingJobs } from "./catch-up.ts";
import type { Kept } from "./kept.ts";

/** What the archive needs of the server around it. */
export interface ArchiveHost {
  readonly engine: Pick<Engine, "model">;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined while jobs are off. */
  readonly jobs: { readonly store: JobStore | undefined } | undefined;
}

export interface ArchiveFigures extends ArchiveStats {
  /** Since the start: transcripts that could not be kept. */
  readonly skipped: number;
}

/** The archive of one running server. */
export interface Archive {
  /** Undefined until `open`, and while PostgreSQL has not answered yet. */
  readonly store: ArchiveStore | undefined;
  /** Opens the store. Rejects when it cannot be used; a PostgreSQL that does not answer is tried again, and what is to be kept waits for it. */
  open(host: ArchiveHost): Promise<void>;
  /** Returns whether transcripts from there are kept. */
  takes(source: Kept["source"]): boolean;
  /** Keeps a transcript soon. Answers never wait for it; what fails is logged and counted. */
  keep(kept: Kept): void;
  /** A job was deleted by its owner, with everything of it. */
  forget(id: string): Promise<void>;
  /** Numbers of a moment ago; undefined until `open`. */
  readonly figures: ArchiveFigures | undefined;
  /** Writes what is still to be kept, and closes the store. */
  close(): Promise<void>;
}

const UPKEEP_MS = 60_000;
/** One after another; more than these would fill the memory while a disk is stuck. */
const MOST_WAITING = 256;
const EXPIRED_AT_ONCE = 50;
/** A minute. More would fill the caches of a small machine with the index. */
const COMPACT_STEPS = 50;
const PAUSE_MS = 60_000;
const RETRY_MS = 2000;

export function createArchive(place: ArchivePlace): Archive {
  let store: ArchiveStore | undefined;
  let host: ArchiveHost | undefined;
  let stats: ArchiveStats | undefined;
  let skipped = 0;
  let waiting = 0;
  const closing = new AbortController();
  let isBehind = true;
  let warnedMs = -PAUSE_MS;
  let work: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;

  const config = (): ArchiveConfig | undefined => host?.settings.current.archive;

  /** Disk full or busy: one warning a minute. Jobs come again with the next upkeep. */
  const skip = (reason: string, error?: unknown): void => {
    skipped++;
    isBehind = true;
    if (host === undefined || host.clock.monotonicMs() - warnedMs < PAUSE_MS) return;
    warnedMs = host.clock.monotonicMs();
    host.log.warn("archive_skipped", { reason, skipped, ...(error === undefined ? {} : { err: error }) });
  };

  const hasRoom = async (): Promise<boolean> => {
    if (place.postgres !== undefined) return true;
    const { bavail, bsize } = await statfs(place.dir);
    return bavail * bsize >= (config()?.diskReserveBytes ?? 0);
  };

  const add = async ({
    id,
    owner,
    source,
    title,
    createdMs,
    transcripts,
  }: Kept & { createdMs: number }): Promise<void> => {
    if (store === undefined || host === undefined) return;
    try {
      if (!(await hasRoom())) return skip("disk_full");
      const entry: NewEntry = {
        // The same in every try: one whose answer was lost is known.
        id: id ?? randomUUID(),
        createdMs,
        owner,
        source,
        title,
        language: modelLanguages(host.engine)[0],
        model: host.engine.model?.id,
        transcripts,
      };
      await patiently(store, entry);
    } catch (error) {
      skip("failed", error);
    }
  };

  /** What was said in a request or a session is nowhere else: it waits for a store that is away, while there is room for what comes after it. */
  const patiently = async (into: ArchiveStore, entry: NewEntry): Promise<void> => {
    for (let tries = 1; ; tries++) {
      try {
        await into.add(entry);
        return;
      } catch (error) {
        if (!isStoreUnreachable(error) || closing.signal.aborted || waiting > MOST_WAITING / 2) throw error;
        if (tries === 1) host?.log.warn("archive_away", { err: error });
        await sleep(RETRY_MS, { signal: closing.signal });
      }
    }
  };

  const then = (action: () => Promise<void>): Promise<void> => {
    waiting++;
    work = work.then(action).finally(() => waiting--);
    return work;
  };

  const connect = async (): Promise<void> => {
    const opened = await openArchive(place);
    stats = await opened.stats();
    store = opened;
  };
  const connectLater = async (): Promise<void> => {
    for (;;) {
      try {
        await sleep(RETRY_MS, { signal: closing.signal });
        return await connect();
      } catch (error) {
        if (closing.signal.aborted) return;
        if (isStoreUnreachable(error)) continue;
        host?.log.error("archive_unusable", { err: error });
        return;
      }
    }
  };

  const upkeep = async (): Promise<void> => {
    if (store === undefined || host === undefined) return;
    try {
      const keepMs = config()?.keepMs ?? 0;
      if (keepMs > 0) {
        while ((await store.expire(host.clock.nowMs() - keepMs, EXPIRED_AT_ONCE)) === EXPIRED_AT_ONCE);
      }
      for (let step = 0; step < COMPACT_STEPS && !closing.signal.aborted && (await store.compact()); step++);
      if (isBehind && config()?.jobs === true && host.jobs?.store !== undefined && (await hasRoom())) {
        isBehind = false;
        for await (const kept of missingJobs(host.jobs.store, store)) {
          if (closing.signal.aborted) return;
          await add(kept);
        }
      }
      stats = await store.stats();
    } catch (error) {
      host.log.warn("archive_upkeep_failed", { err: error });
    }
  };

  return {
    get store() {
      return store;
    },
    get figures() {
      return stats === undefined ? undefined : { ...stats, skipped };
    },
    open: async (given) => {
      try {
        await connect();
        host = given;
      } catch (error) {
        if (!isStoreUnreachable(error)) throw error;
        host = given;
        given.log.warn("archive_away", { err: error });
        void then(connectLater);
      }
      const tick = (): void => {
        if (waiting === 0) void then(upkeep);
      };
      timer = setInterval(tick, UPKEEP_MS);
      timer.unref();
      tick();
    },
    takes: (source) => config()?.[SWITCHES[source]] === true,
    keep: (kept) => {
      if (host === undefined || config()?.[SWITCHES[kept.source]] !== true) return;
      if (kept.transcripts.every(({ text }) => text.trim() === "")) return;
      if (waiting >= MOST_WAITING) return skip("too_slow");
      const createdMs = kept.createdMs ?? host.clock.nowMs();
      void then(() => add({ ...kept, createdMs }));
    },
    forget: async (id) => {
      // Also what is still to be added stays out.
      await store?.remove(id);
    },
    close: async () => {
      closing.abort();
      clearInterval(timer);
      await work;
      await store?.close();
    },
  };
}

// ---

/** The key of the configuration that turns each source on. */
const SWITCHES = { job: "jobs", request: "requests", session: "sessions" } as const;
