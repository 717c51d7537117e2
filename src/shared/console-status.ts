import type { ModelPull } from "./process/messages.ts";

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
  readonly supervisor: {
    readonly overall: string;
    readonly restarts: number;
    readonly issues: readonly { readonly text: string; readonly cure: string }[];
  } | null;
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
