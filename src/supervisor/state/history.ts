import type { RuntimeStats } from "../../shared/process/messages.ts";
import type { SupervisorEvent } from "../logs/events.ts";
import { HISTORY_RANGES } from "../../shared/protocol.ts";
import type { HistoryRange } from "../../shared/protocol.ts";
import type { ConsoleHistory } from "../../shared/console-status.ts";
import type { HistoryPlace, HistoryStore, KeptEvent } from "./history-store.ts";
import { counted, seriesOf } from "./series.ts";
import type { Sample } from "./series.ts";

/** The history as the supervisor feeds it: never throws and never delays the service. */
export interface History {
  event(event: SupervisorEvent): void;
  sample(stats: RuntimeStats, restarts: number): void;
  read(sinceMs: number): Promise<{ readonly samples: readonly Sample[]; readonly events: readonly KeptEvent[] }>;
  /** Figures over time, for charts. */
  series(range: HistoryRange): Promise<ConsoleHistory>;
  /** Why it cannot be written as configured, while it cannot. `kept`: the entries go to files until then. */
  trouble(): HistoryTrouble | undefined;
  settled(): Promise<void>;
  close(): Promise<void>;
}

export interface HistoryTrouble {
  readonly place: HistoryPlace["kind"];
  readonly reason: string;
  readonly kept: boolean;
}

const KEEP_HOURS = 24 * 7;
const REDIS_REST_MS = 5000;
const BETWEEN_SAMPLES_MS = 90_000;
/** A longer chart is drawn from the spans. */
const LONGEST_IN_MINUTES_S = 24 * 3600;

/**
 * Stores are loaded with the first entry: a start should not wait for them. Where Redis is configured and does not take an
 * entry, files do; a reader gets both.
 *
 * @param dir of the files
 * @param redis where it shall go instead; may change at any time
 */
export function createHistory(
  dir: string,
  redis: () => (HistoryPlace & { readonly kind: "redis" }) | undefined,
): History {
  let files: Promise<HistoryStore> | undefined;
  let remote: { readonly key: string; readonly store: Promise<HistoryStore> } | undefined;
  let trouble: HistoryTrouble | undefined;
  let working: Promise<void> = Promise.resolve();
  let redisRestsUntilMs = 0;
  const options = { keepHours: KEEP_HOURS, nowMs: Date.now };
  const openFiles = (): Promise<HistoryStore> => {
    files ??= import("./history-store.ts").then(({ createHistoryStore }) =>
      createHistoryStore({ kind: "files", dir }, options),
    );
    return files;
  };
  const openRemote = (): Promise<HistoryStore> | undefined => {
    const place = redis();
    const key = place === undefined ? "" : `${place.url} ${place.base}`;
    if (remote?.key !== key) {
      void remote?.store.then((store) => store.close()).catch(() => {});
      remote =
        place === undefined
          ? undefined
          : {
              key,
              store: import("./history-store.ts").then(({ createHistoryStore }) => createHistoryStore(place, options)),
            };
    }
    return remote?.store;
  };
  const write = (act: (store: HistoryStore) => Promise<void>): void => {
    working = working.then(async () => {
      const redisStore = openRemote();
      const resting = trouble?.place === "redis" && performance.now() < redisRestsUntilMs;
      const failed = resting ? trouble?.reason : await attempt(redisStore, act);
      if (redisStore !== undefined && failed === undefined) {
        trouble = undefined;
        return;
      }
      // A Redis that hangs would cost its whole time limit for every entry of a crash storm.
      if (failed !== undefined && !resting) redisRestsUntilMs = performance.now() + REDIS_REST_MS;
      const lost = await attempt(openFiles(), act);
      trouble =
        failed !== undefined
          ? { place: "redis", reason: failed, kept: lost === undefined }
          : lost === undefined
            ? undefined
            : { place: "files", reason: lost, kept: false };
    });
  };
  const readAll = async <T extends { readonly at: string }>(
    ask: (store: HistoryStore) => Promise<T[]>,
  ): Promise<T[]> => {
    const stores = [openFiles(), openRemote()].filter((store) => store !== undefined);
    // A Redis that is away does not hide what the files hold.
    const parts = await Promise.allSettled(stores.map(async (store) => ask(await store)));
    const found = parts.flatMap((part) => (part.status === "fulfilled" ? part.value : []));
    return found.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
  };
  return {
    event: (event) => {
      if (event.level === "debug") return;
      const { level, event: name, process, ...fields } = event;
      const entry: KeptEvent = {
        at: new Date().toISOString(),
        event: name,
        level,
        process: process ?? null,
        text: JSON.stringify(fields).slice(0, 500),
      };
      write((found) => found.addEvent(entry));
    },
    sample: (stats, restarts) => {
      const entry: Sample = {
        at: new Date().toISOString(),
        sessions: stats.sessionsActive,
        waiting: stats.waiting,
        requests: stats.requestsTotal,
        failures: stats.failuresTotal,
        p95Ms: stats.latencyMs?.p95 ?? null,
        realTimeFactor: stats.realTimeFactor ?? null,
        rssBytes: stats.rssBytes,
        restarts,
      };
      write((found) => found.addSample(entry));
    },
    read: async (sinceMs) => ({
      samples: await readAll((store) => store.samples(sinceMs)),
      events: await readAll((store) => store.events(sinceMs)),
    }),
    series: async (range) => {
      const { lengthS, stepS } = HISTORY_RANGES[range];
      const untilMs = Date.now();
      const sinceMs = untilMs - lengthS * 1000;
      const spans = lengthS > LONGEST_IN_MINUTES_S ? await readAll((store) => store.spans(sinceMs)) : [];
      const restFromMs = spans.length === 0 ? sinceMs : Date.parse(spans.at(-1)?.at ?? "") + 1;
      // One sample more: what was counted is the difference to the one before.
      const samples = counted(await readAll((store) => store.samples(restFromMs - BETWEEN_SAMPLES_MS)));
      const rest = samples.filter(({ at }) => Date.parse(at) >= restFromMs);
      return seriesOf([...spans, ...rest], { sinceMs, untilMs, stepMs: stepS * 1000 });
    },
    trouble: () => trouble,
    settled: () => working,
    close: async () => {
      await working;
      for (const store of [files, remote?.store]) {
        await (await store?.catch(() => undefined))?.close().catch(() => {});
      }
    },
  };
}

// ---

/** Undefined when it went well or there is no such store, else why not. */
async function attempt(
  store: Promise<HistoryStore> | undefined,
  act: (store: HistoryStore) => Promise<void>,
): Promise<string | undefined> {
  if (store === undefined) return undefined;
  try {
    await act(await store);
    return undefined;
  } catch (error) {
    const { historyTrouble } = await import("./history-store.ts");
    return historyTrouble(error);
  }
}
