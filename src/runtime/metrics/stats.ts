import { monitorEventLoopDelay } from "node:perf_hooks";

/** Running numbers for the supervisor's `status`: cheap enough to ask for every second. */
export interface RequestStats {
  /** Deliberate 503s do not count as failures. */
  record(status: number, ms: number): void;
  readonly requestsTotal: number;
  readonly failuresTotal: number;
  /** Of the last few hundred requests; undefined before the first. */
  latencyMs(): { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
  /** Longest event-loop delay since the previous call. */
  takeLoopLagMs(): number;
  close(): void;
}

const REMEMBERED = 300;
/** Node records the time between two firings of its timer: this much of it is not delay. */
const LAG_RESOLUTION_MS = 20;

export function createRequestStats(): RequestStats {
  const recent: number[] = [];
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  delay.enable();
  let requestsTotal = 0;
  let failuresTotal = 0;
  return {
    record: (status, ms) => {
      recent[requestsTotal % REMEMBERED] = ms;
      requestsTotal++;
      if (status >= 500 && status !== 503) failuresTotal++;
    },
    get requestsTotal() {
      return requestsTotal;
    },
    get failuresTotal() {
      return failuresTotal;
    },
    latencyMs: () => {
      if (recent.length === 0) return undefined;
      const sorted = [...recent].sort((a, b) => a - b);
      const at = (share: number): number =>
        Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! * 10) / 10; // not empty
      return { p50: at(0.5), p95: at(0.95), p99: at(0.99) };
    },
    takeLoopLagMs: () => {
      const lagMs = Number.isFinite(delay.max)
        ? Math.round(Math.max(0, delay.max / 1e6 - LAG_RESOLUTION_MS) * 10) / 10
        : 0;
      delay.reset();
      return lagMs;
    },
    close: () => delay.disable(),
  };
}
