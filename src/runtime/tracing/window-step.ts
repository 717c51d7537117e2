import type { WindowTiming } from "../../engine/contract.ts";
import type { Trace } from "./trace.ts";

/** Adds a window that was read until now: the step is the computing, its wait for a worker an attribute. */
export function traceWindow(trace: Trace, nowMs: number, { audioS, waitedMs, computedMs }: WindowTiming): void {
  const attributes = { "gigastt.audio_s": audioS, "gigastt.waited_ms": Math.round(waitedMs) };
  trace.step("window", nowMs - computedMs, nowMs, attributes);
}
