import type { ModelPull, SupervisorReport } from "./process/messages.ts";

/** What the console's status page shows; the answer of `/console/status`. */
export interface ConsoleStatus {
  readonly version: string;
  readonly uptime_s: number;
  /** `ready`, or why new work is refused. */
  readonly state: string;
  readonly model: { readonly id: string; readonly name: string; readonly precision: string } | null;
  readonly slots: { readonly used: number; readonly total: number };
  readonly waiting: number;
  readonly live: {
    readonly sessions: number;
    readonly speaking: number;
    readonly sustainable: number;
    /** Computing time over audio time; null before the model is loaded. */
    readonly real_time_factor: number | null;
  };
  readonly audio_seconds_total: number;
  readonly requests: {
    readonly total: number;
    readonly failed: number;
    readonly latency_ms: { readonly p50: number; readonly p95: number; readonly p99: number } | null;
  };
  readonly rss_bytes: number;
  /** Null where no supervisor runs, as in a container. */
  readonly supervisor: SupervisorReport | null;
}

/** Figures over time, oldest first, one list a figure. Null: nothing is known of that stretch. */
export interface ConsoleHistory {
  /** Unix seconds: the beginning of each stretch. */
  readonly at: readonly number[];
  readonly figures: Readonly<Record<HistoryFigure, readonly (number | null)[]>>;
}

/** Of each stretch the highest value; requests, failures and restarts are counted. */
export type HistoryFigure =
  | "sessions"
  | "waiting"
  | "requests"
  | "failures"
  | "p95Ms"
  | "realTimeFactor"
  | "rssBytes"
  | "restarts";

/** The last lines of the logs that pass the filter, oldest first. */
export interface ConsoleLogs {
  readonly processes: readonly string[];
  readonly lines: readonly ConsoleLogLine[];
}

export interface ConsoleLogLine {
  readonly time: string;
  readonly level: string;
  readonly process: string;
  /** Event and fields, as `gigastt logs` shows them. */
  readonly text: string;
}

/** Every setting with where it came from. Secrets are replaced. */
export interface ConsoleConfig {
  /** Null without a file. */
  readonly path: string | null;
  readonly hash: string;
  readonly loadedAt: string;
  readonly values: readonly ConfigValue[];
}

export interface ConfigValue {
  readonly key: string;
  readonly value: unknown;
  /** Place in the file, variable, flag, or `default`. */
  readonly from: string;
  /** A secret stands behind the value. */
  readonly isHidden: boolean;
}

/** What the last `gigastt audit` of this appliance found; the counts are whole, the list may be cut. */
export interface LastAudit {
  readonly at: string;
  readonly errors: number;
  readonly warnings: number;
  readonly notices: number;
  readonly findings?: readonly AuditFinding[];
}

export interface AuditFinding {
  readonly rule: string;
  readonly severity: string;
  readonly file: string;
  readonly line: number;
  readonly message: string;
  readonly fix: string;
}

/** Answer of `/console/model`. */
export interface ConsoleModel {
  /** The real model; null while it serves. */
  readonly offer: { readonly name: string; readonly bytes: number; readonly license: string } | null;
  /** This caller may start the download. */
  readonly can_pull: boolean;
  readonly pull: ModelPull | null;
}

/** Answer of `/console/session`. */
export interface ConsoleSession {
  /** Requests need a key. */
  readonly required: boolean;
  /** May see the status and change the server: the machine itself, or a key with the scope admin. */
  readonly operator: boolean;
  readonly key: { readonly name: string; readonly scopes: readonly string[] } | null;
  /** When the sign-in ends. */
  readonly expires_at: string | null;
}
