import { jobFigures } from "../jobs/figures.ts";
import type { RuntimeStats, ToRuntime } from "../../shared/process/messages.ts";
import type { ControlChannel } from "./control-channel.ts";
import type { Runtime } from "../runtime.ts";

/** How the process is brought to its end. */
export interface Stopper {
  begin(reason: string): void;
  handOver(limitMs: number): void;
}

/** Does what the supervisor says, and answers what it asks. */
export function obey(message: ToRuntime, runtime: Runtime, stop: Stopper, control: ControlChannel): void {
  switch (message.type) {
    case "drain":
      if (message.handover === true) stop.handOver(message.limitMs ?? Number.POSITIVE_INFINITY);
      else stop.begin("supervisor");
      break;
    case "reload": {
      const refused = runtime.reload(message.config);
      if (refused === undefined) control.send({ type: "reloaded", id: message.id });
      else control.send({ type: "reload_refused", id: message.id, reason: refused });
      break;
    }
    case "probe":
      control.send({ type: "probed", id: message.id, stats: runtimeStats(runtime) });
      break;
    case "supervisor":
      runtime.context.phase.supervisor = message.status;
      break;
    case "start":
    case "answered":
      break;
  }
}

function runtimeStats({ context }: Runtime): RuntimeStats {
  const { admission, engine, keys, phase, sessions, stats } = context;
  const memory = process.memoryUsage();
  const latencyMs = stats.latencyMs();
  const apiKeys = keys.usable();
  const jobs = jobFigures(context.jobs, context.clock);
  const { realTimeFactor } = engine.liveCapacity();
  const isReady = engine.state === "ready" || engine.state === "unloaded";
  return {
    state: phase.draining || phase.handedOver ? "draining" : isReady ? "ready" : "starting",
    ...(engine.model === undefined ? {} : { encoderForm: engine.model.encoderForm }),
    sessionsActive: sessions.size,
    sessionsMax: admission.total,
    waiting: admission.waiters,
    requestsTotal: stats.requestsTotal,
    failuresTotal: stats.failuresTotal,
    audioSecondsTotal: engine.stats().audioSecondsTotal,
    ...(latencyMs === undefined ? {} : { latencyMs }),
    ...(apiKeys === undefined ? {} : { apiKeys }),
    ...(realTimeFactor === undefined ? {} : { realTimeFactor }),
    eventLoopLagMs: stats.takeLoopLagMs(),
    rssBytes: memory.rss,
    heapUsedBytes: memory.heapUsed,
    ...(jobs === undefined ? {} : { jobs }),
  };
}
