import type { ConsoleStatus } from "../../../shared/console-status.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import { requireOperator } from "../../access/operator.ts";
import type { RuntimeContext } from "../../context.ts";
import { json } from "../../http/replies/reply.ts";
import { notReadyReason } from "../../lifecycle/readiness.ts";
import type { Route } from "../../route.ts";
import { requireConsole } from "../enabled.ts";

/** Numbers of the server. They tell who uses it and how much, so only the machine itself and administrators may ask. */
export const status: Route = {
  ...ROUTES.consoleStatus,
  handle: ({ req }, context) => {
    requireConsole(context);
    requireOperator(req, context);
    return json(200, statusOf(context));
  },
};

// ---

function statusOf(context: RuntimeContext): ConsoleStatus {
  const { admission, clock, engine, phase, sessions, startedAtMs, stats, version } = context;
  const { model } = engine;
  const { speaking, sustainable, realTimeFactor } = engine.liveCapacity();
  return {
    version,
    uptime_s: Math.round((clock.monotonicMs() - startedAtMs) / 1000),
    state: notReadyReason(context) ?? "ready",
    model: model === undefined ? null : { id: model.id, name: model.name, precision: model.precision },
    slots: { used: admission.total - admission.available, total: admission.total },
    waiting: admission.waiters,
    live: { sessions: sessions.size, speaking, sustainable, real_time_factor: realTimeFactor ?? null },
    audio_seconds_total: engine.stats().audioSecondsTotal,
    requests: { total: stats.requestsTotal, failed: stats.failuresTotal, latency_ms: stats.latencyMs() ?? null },
    rss_bytes: process.memoryUsage.rss(),
    supervisor: phase.supervisor ?? null,
  };
}
