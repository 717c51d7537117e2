import type { Clock } from "../../shared/time/clock.ts";
import type { EventSink } from "../logs/events.ts";
import type { ExitReason } from "./exit-reason.ts";

/** `docs/reference/supervisor.md` draws the transitions. */
export const PROCESS_STATES = [
  "stopped",
  "starting",
  "ready",
  "unresponsive",
  "stopping",
  "waiting",
  "crash_loop",
] as const;
export type ProcessState = (typeof PROCESS_STATES)[number];

/** One unexpected end and what came of it. */
export interface RestartRecord {
  readonly at: string;
  readonly reason: string;
  readonly kind: ExitReason["kind"] | "unresponsive" | "start_failed";
}

/** A managed process as `status` shows it. */
export interface ProcessSnapshot {
  readonly name: string;
  readonly state: ProcessState;
  readonly since: string;
  readonly pid: number | undefined;
  /** Starts of any kind, hand-overs included. */
  readonly starts: number;
  /** Restarts that followed an unexpected end. */
  readonly restarts: number;
  readonly lastRestarts: readonly RestartRecord[];
  readonly nextStartInMs: number | undefined;
  /** Instances that drain beside the current one. */
  readonly draining: readonly number[];
  readonly lastProbe: string | undefined;
}

/** How a stop went. */
export interface StopOutcome {
  /** Everything that served ended by itself, within its time, with code 0. */
  readonly clean: boolean;
  /** The worst end, if anything was running. */
  readonly end: ExitReason | undefined;
}

/** What a managed process remembers about itself. */
export interface ProcessBook {
  readonly state: ProcessState;
  starts: number;
  restarts: number;
  nextStartAtMs: number | undefined;
  lastProbe: string | undefined;
  /** Changes the state and reports it. */
  enter(state: ProcessState): void;
  record(record: RestartRecord): void;
  /** The clock's time, as records carry it. */
  now(): string;
  snapshot(now: Pick<ProcessSnapshot, "pid" | "draining">): ProcessSnapshot;
}

const KEPT_RECORDS = 20;

export function createProcessBook(name: string, clock: Clock, emit: EventSink): ProcessBook {
  let state: ProcessState = "stopped";
  let sinceMs = clock.nowMs();
  const records: RestartRecord[] = [];
  const book: ProcessBook = {
    get state() {
      return state;
    },
    starts: 0,
    restarts: 0,
    nextStartAtMs: undefined,
    lastProbe: undefined,
    enter: (to) => {
      if (state === to) return;
      const from = state;
      state = to;
      sinceMs = clock.nowMs();
      emit({ level: "debug", event: "state", process: name, from, to });
    },
    record: (record) => {
      records.push(record);
      if (records.length > KEPT_RECORDS) records.shift();
    },
    now: () => new Date(clock.nowMs()).toISOString(),
    snapshot: ({ pid, draining }) => ({
      name,
      state,
      since: new Date(sinceMs).toISOString(),
      pid,
      starts: book.starts,
      restarts: book.restarts,
      lastRestarts: [...records],
      nextStartInMs:
        book.nextStartAtMs === undefined
          ? undefined
          : Math.max(0, Math.round(book.nextStartAtMs - clock.monotonicMs())),
      draining,
      lastProbe: book.lastProbe,
    }),
  };
  return book;
}
