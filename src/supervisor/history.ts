import type { RuntimeStats } from "../shared/messages.ts";
import type { SupervisorEvent } from "./events.ts";
import type { HistoryStore, KeptEvent, Sample } from "./store.ts";

/** The history as the supervisor feeds it: never throws, never in the way. */
export interface History {
  event(event: SupervisorEvent): void;
  sample(stats: RuntimeStats, restarts: number): void;
  read(sinceMs: number): Promise<{ readonly samples: readonly Sample[]; readonly events: readonly KeptEvent[] }>;
  /** Why it cannot be written, while it cannot. */
  trouble(): string | undefined;
  settled(): Promise<void>;
}

const KEEP_HOURS = 24 * 7;

/** The store is loaded with the first entry: a start should not wait for it. */
export function createHistory(dir: string): History {
  let store: Promise<HistoryStore> | undefined;
  let trouble: string | undefined;
  let working: Promise<void> = Promise.resolve();
  const open = (): Promise<HistoryStore> => {
    store ??= import("./store.ts").then(({ createHistoryStore }) =>
      createHistoryStore(dir, { keepHours: KEEP_HOURS, nowMs: Date.now }),
    );
    return store;
  };
  const write = (act: (store: HistoryStore) => Promise<void>): void => {
    working = working.then(async () => {
      try {
        await act(await open());
        trouble = undefined;
      } catch (error) {
        const { historyTrouble } = await import("./store.ts");
        trouble = historyTrouble(error);
      }
    });
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
        rssBytes: stats.rssBytes,
        restarts,
      };
      write((found) => found.addSample(entry));
    },
    read: async (sinceMs) => {
      const found = await open();
      return { samples: await found.samples(sinceMs), events: await found.events(sinceMs) };
    },
    trouble: () => trouble,
    settled: () => working,
  };
}
