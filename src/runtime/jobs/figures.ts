import type { Clock } from "../../shared/time/clock.ts";
import type { JobFigures } from "../../shared/process/messages.ts";
import type { Jobs } from "./service.ts";

/** Returns the figures for status and metrics; undefined while jobs are off or their store is being opened. */
export function jobFigures(jobs: Jobs | undefined, clock: Clock): JobFigures | undefined {
  if (jobs?.stats === undefined) return undefined;
  const { queued, active, waitingS, oldestQueuedMs, stuck, dead } = jobs.stats;
  const oldestS = oldestQueuedMs === undefined ? 0 : Math.max(0, Math.round((clock.nowMs() - oldestQueuedMs) / 1000));
  return { queued, active, waitingAudioS: Math.round(waitingS), oldestS, stuck, dead, strangers: jobs.strangers };
}
