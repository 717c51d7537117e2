import type { StatusReport } from "../../../../src/supervisor/status/status.ts";

/** A service that works, as `status` reports it. */
export function statusReport({ url = "http://127.0.0.1:9876" }: { readonly url?: string } = {}): StatusReport {
  const since = new Date(Date.now() - 65_000).toISOString();
  const report: Partial<StatusReport> = {
    format: 1,
    overall: "ok",
    supervisor: {
      pid: 1,
      version: "0.1.0",
      node: "v20",
      startedAt: since,
      uptimeS: 65,
      rssBytes: 60 * 2 ** 20,
      timers: 3,
      stateDir: "/state",
    },
    service: { url, host: "127.0.0.1", port: 9876, activated: false, listeners: [], publicUrl: null },
    processes: [
      {
        name: "runtime",
        state: "ready",
        since,
        pid: 12_345,
        starts: 1,
        restarts: 0,
        lastRestarts: [],
        nextStartInMs: undefined,
        draining: [],
        lastProbe: "ready",
      },
    ],
    model: { id: "demo", name: "Demo", precision: "int8", bundleHash: "0", notice: undefined },
    runtime: {
      state: "ready",
      sessionsActive: 1,
      sessionsMax: 4,
      waiting: 0,
      requestsTotal: 17,
      failuresTotal: 0,
      audioSecondsTotal: 60,
      latencyMs: { p50: 120.4, p95: 800, p99: 900 },
      eventLoopLagMs: 1,
      rssBytes: 300 * 2 ** 20,
      heapUsedBytes: 1,
    },
    rates: { requestsPerMinute: 3, failuresPerMinute: 0, audioSpeed: 12.5 },
    operation: null,
    issues: [
      { id: "model_notice", severity: "notice", text: "The demo model is in use.", cure: "gigastt models pull" },
    ],
  };
  return report as StatusReport; // the view reads no more than this
}
