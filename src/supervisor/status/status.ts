import type { RuntimeModel, RuntimeStats } from "../../shared/process/messages.ts";
import type { UpkeepReport } from "./upkeep.ts";
import type { Issue } from "./issues.ts";
import type { ProcessSnapshot } from "../process/process-state.ts";

/** What `gigastt status --json` and the control command `status` answer. Fields are only ever added. */
export interface StatusReport {
  readonly format: 1;
  /** `ok`: serves. `starting`, `restarting`: soon. `degraded`: serves, with an issue. `down`: does not serve. `stopping`: on request. */
  readonly overall: "ok" | "starting" | "restarting" | "degraded" | "down" | "stopping";
  readonly supervisor: {
    readonly pid: number;
    readonly version: string;
    readonly node: string;
    readonly startedAt: string;
    readonly uptimeS: number;
    readonly rssBytes: number;
    /** Timers that keep it alive: a number that only ever grows is a leak. */
    readonly timers: number;
    readonly stateDir: string;
  };
  readonly service: {
    readonly url: string;
    readonly host: string;
    readonly port: number;
    /** The socket came from systemd or another activator. */
    readonly activated: boolean;
    /** Every listening socket, HTTP first. */
    readonly listeners: readonly { readonly name: string; readonly address: string; readonly activated: boolean }[];
    /** Address of the managed proxy; null without one. */
    readonly publicUrl: string | null;
  };
  readonly config: { readonly path: string | null; readonly hash: string; readonly loadedAt: string };
  readonly processes: readonly ProcessSnapshot[];
  readonly model: RuntimeModel | null;
  readonly runtime: RuntimeStats | null;
  readonly rates: Rates | null;
  readonly operation: { readonly name: string; readonly since: string } | null;
  readonly care: UpkeepReport;
  readonly issues: readonly Issue[];
}

/** The one word for everything. */
export function overallOf(
  process: ProcessSnapshot | undefined,
  facts: { readonly stopping: boolean; readonly issues: number },
): StatusReport["overall"] {
  if (facts.stopping) return "stopping";
  switch (process?.state) {
    case "ready":
      return facts.issues > 0 ? "degraded" : "ok";
    case "starting":
      return process.restarts > 0 ? "restarting" : "starting";
    case "waiting":
    case "unresponsive":
      return "restarting";
    default:
      return "down";
  }
}

/** Over the last minute. */
export interface Rates {
  readonly requestsPerMinute: number;
  readonly failuresPerMinute: number;
  /** Seconds of audio per second of time. */
  readonly audioSpeed: number;
}

/** Derives rates from the counters of successive samples; a new process starts from zero. */
export function createRateMeter(nowMs: () => number): {
  add(pid: number, stats: RuntimeStats): void;
  rates(): Rates | null;
} {
  let samples: { atMs: number; pid: number; stats: RuntimeStats }[] = [];
  return {
    add: (pid, stats) => {
      const atMs = nowMs();
      samples = [
        ...samples.filter((sample) => sample.pid === pid && sample.atMs > atMs - 60_000),
        { atMs, pid, stats },
      ];
    },
    rates: () => {
      const first = samples[0];
      const last = samples.at(-1);
      if (first === undefined || last === undefined || last.atMs - first.atMs < 1000) return null;
      const minutes = (last.atMs - first.atMs) / 60_000;
      const perMinute = (from: number, to: number): number => Math.round(((to - from) / minutes) * 10) / 10;
      return {
        requestsPerMinute: perMinute(first.stats.requestsTotal, last.stats.requestsTotal),
        failuresPerMinute: perMinute(first.stats.failuresTotal, last.stats.failuresTotal),
        audioSpeed:
          Math.round(((last.stats.audioSecondsTotal - first.stats.audioSecondsTotal) / (minutes * 60)) * 100) / 100,
      };
    },
  };
}

/** Guards an answer from the control socket. */
export function isStatusReport(value: unknown): value is StatusReport {
  return (
    typeof value === "object" &&
    value !== null &&
    "format" in value &&
    value.format === 1 &&
    "processes" in value &&
    Array.isArray(value.processes)
  );
}
