/** Messages between the supervisor and a runtime process, over the IPC channel. Both sides ignore types they do not know. */

import type { ConsoleOperation, HistoryRange } from "../protocol.ts";

/** Supervisor → runtime. */
export type ToRuntime =
  /**
   * First message: the resolved configuration as JSON. The runtime boots only after it.
   * With `handover` another runtime serves on the same socket: load and warm the model first, accept only then, so that
   * no client meets `initializing` while another process could have served it. With `tls` the inherited socket speaks TLS.
   */
  | { readonly type: "start"; readonly config: unknown; readonly handover?: boolean; readonly tls?: TlsPair }
  /** Keys that may change without a new process (limits, origins, rate, log level). Answered by `reloaded` or `reload_refused`. */
  | { readonly type: "reload"; readonly id: number; readonly config: unknown }
  /**
   * Begin the drain as SIGTERM would.
   * With `handover` another runtime already accepts on the same socket: stop accepting at once, keep serving what is
   * connected (also new requests on kept-alive connections, answered with `Connection: close`), let sessions end by
   * themselves, and cut what is left after `limitMs` as an ordinary drain does.
   */
  | { readonly type: "drain"; readonly handover?: boolean; readonly limitMs?: number }
  /** Is the event loop alive, and what is it doing? Answered by `probed`, on the same turn. */
  | { readonly type: "probe"; readonly id: number }
  /** What the supervisor knows; shown under `/ready` to loopback callers that ask without a proxy in between. */
  | { readonly type: "supervisor"; readonly status: SupervisorReport }
  /** To `ask`. */
  | ({ readonly type: "answered"; readonly id: number } & Answer);

/** What the runtime asks for the console's operator. */
export type Question =
  /** Download the real model while this one serves. */
  | { readonly cmd: "pull" }
  /** Figures over time: `ConsoleHistory`. */
  | { readonly cmd: "series"; readonly range: HistoryRange }
  /** The last lines of the logs: `ConsoleLogs`. */
  | ({ readonly cmd: "log_lines" } & LogQuestion)
  /** The configuration with the origin of each value: `ConsoleConfig`. */
  | { readonly cmd: "settings" }
  /** The last audit: `ConsoleAudit`. */
  | { readonly cmd: "audit" }
  /** Begins an operation; its outcome is in the next reports. */
  | { readonly cmd: "begin"; readonly operation: ConsoleOperation };

export type ConsoleQuestion<C extends Question["cmd"] = Question["cmd"]> = Extract<Question, { readonly cmd: C }>;

export type Answer =
  | { readonly ok: true; readonly result: unknown }
  | { readonly ok: false; readonly code: string; readonly message: string };

export interface LogQuestion {
  readonly process?: string;
  /** Least level. */
  readonly level?: string;
  /** What a line contains, in any case. */
  readonly text?: string;
  /** Lines from then on, ISO time. */
  readonly since?: string;
}

/** What the supervisor tells the runtime about itself. */
export interface SupervisorReport {
  readonly overall: string;
  /** Hash of the configuration. */
  readonly config: string;
  /** Of the runtime, after unexpected ends. */
  readonly restarts: number;
  readonly issues: readonly {
    readonly id: string;
    readonly severity: string;
    readonly text: string;
    readonly cure: string;
  }[];
  readonly processes: readonly {
    readonly name: string;
    readonly restarts: number;
    readonly state: string;
    /** When it entered the state. */
    readonly since: string;
    readonly pid: number | null;
  }[];
  /** Resident memory of the supervisor itself. */
  readonly rssBytes: number;
  /** The one that runs. */
  readonly operation: { readonly name: string; readonly since: string } | null;
  readonly lastOperation: OperationRecord | null;
  readonly certificates: readonly { readonly file: string; readonly daysLeft: number | null }[];
  readonly disks: readonly { readonly what: string; readonly freeBytes: number }[];
  /** Processes that had to be cut when their drain took too long. */
  readonly cutDrains: number;
  /** Null before the first one. */
  readonly pull: ModelPull | null;
}

/** A reload, restart, upgrade or rollback that has ended. */
export interface OperationRecord {
  readonly name: string;
  /** When it ended. */
  readonly at: string;
  readonly tookMs: number;
  /** Why it changed nothing; null when it succeeded. */
  readonly failure: string | null;
}

/** A download of the real model while another one serves. */
export interface ModelPull {
  readonly state: "running" | "switching" | "done" | "failed";
  readonly model: string;
  readonly bytesDone: number;
  /** 0 until it is known. */
  readonly bytesTotal: number;
  readonly reason?: string;
}

/** A certificate chain with its key, both PEM. */
export interface TlsPair {
  readonly certificate: string;
  readonly privateKey: string;
}

/** Runtime → supervisor. */
export type FromRuntime =
  | { readonly type: "listening"; readonly host: string; readonly port: number }
  | { readonly type: "ready"; readonly model: RuntimeModel }
  | { readonly type: "reloaded"; readonly id: number }
  | { readonly type: "reload_refused"; readonly id: number; readonly reason: string }
  | { readonly type: "draining"; readonly deadlineMs: number }
  | { readonly type: "drained"; readonly report: DrainReport }
  /** Answered by `answered`. */
  | { readonly type: "ask"; readonly id: number; readonly question: Question }
  | { readonly type: "probed"; readonly id: number; readonly stats: RuntimeStats }
  /** The runtime gives up and exits after this. `cure` is for people. */
  | { readonly type: "fatal"; readonly code: string; readonly message: string };

export interface RuntimeModel {
  readonly id: string;
  readonly name: string;
  readonly precision: string;
  readonly bundleHash: string;
  readonly notice: string | undefined;
}

/** What a drain did: what ended by itself and what had to be cut at the deadline. */
export interface DrainReport {
  readonly tookMs: number;
  readonly sessionsFlushed: number;
  readonly requestsFinished: number;
  readonly cut: number;
}

/** A runtime's own account of itself, for `status`, the live view and the history. */
export interface RuntimeStats {
  readonly state: "starting" | "ready" | "draining";
  /** The form of the model's encoder; absent until the model is loaded. */
  readonly encoderForm?: "published" | "rewriting" | "rewritten";
  readonly sessionsActive: number;
  readonly sessionsMax: number;
  /** Clients in the queue. */
  readonly waiting: number;
  /** Since the process started. */
  readonly requestsTotal: number;
  /** Answers of 500 and above except deliberate 503s, since the process started. */
  readonly failuresTotal: number;
  readonly audioSecondsTotal: number;
  /** Of the last few hundred requests; absent before the first. */
  readonly latencyMs?: { readonly p50: number; readonly p95: number; readonly p99: number };
  /** API keys that can be used now; absent where none are required. */
  readonly apiKeys?: number;
  /** Computing time over audio time; absent before the model is loaded. */
  readonly realTimeFactor?: number;
  readonly eventLoopLagMs: number;
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** Absent while jobs are off. */
  readonly jobs?: JobFigures;
}

/** Stored recordings and their queue, of a few seconds ago. */
export interface JobFigures {
  readonly queued: number;
  readonly active: number;
  /** Audio that waits or runs; estimated from its size until its length is known. */
  readonly waitingAudioS: number;
  /** How long the oldest queued job has waited. */
  readonly oldestS: number;
  /** Running jobs whose lease has ended: their process is gone, another run takes over. */
  readonly stuck: number;
  /** Failed after all attempts. */
  readonly dead: number;
  /** Replicas with the same jobs and another configuration. */
  readonly strangers: number;
}
