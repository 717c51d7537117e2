import { WireError } from "../../shared/errors.ts";
import { sleep } from "../../shared/time/timers.ts";
import type { RuntimeContext } from "../context.ts";

export type NotReadyReason = "initializing" | "pool_exhausted" | "shutting_down";

/** A loading model is usually there after a few seconds. */
const LOADING_RETRY_MS = 5000;
/** How often those who wait for the model look. */
export const MODEL_LOOK_MS = 100;

/** Why new work would be refused now; undefined while it is accepted, also when every slot is busy and the queue has room. */
export function notReadyReason(context: RuntimeContext): NotReadyReason | undefined {
  // After a hand-over the address goes on serving: a proxy that asks on a connection of the old process must not take it for down.
  if (context.phase.draining) return "shutting_down";
  if (!modelIsUsable(context)) return "initializing";
  return context.admission.queueIsFull ? "pool_exhausted" : undefined;
}

/** Throws the refusal of new work by the server's state; the queue is admission's to check. */
export function requireReady(context: RuntimeContext): void {
  if (context.phase.draining) throw new WireError("shutting_down", "the server is shutting down");
  if (!modelIsUsable(context)) {
    const hasFailed = context.engine.state === "failed";
    const what = hasFailed ? "the model could not be loaded; the server's log says why" : "the model is still loading";
    throw new WireError("initializing", what, { retryAfterMs: LOADING_RETRY_MS });
  }
}

/** The model is not there yet, and will be. */
export function isLoading({ engine, phase }: RuntimeContext): boolean {
  return engine.state === "loading" && !phase.draining;
}

/** The engine took no work because its model is not there, whether it still loads or could not be loaded. */
export function isInitializing(error: unknown): boolean {
  return error instanceof WireError && error.wireCode === "initializing";
}

/** Waits while the model loads, then refuses as `requireReady` does: for clients that never ask a second time. */
export async function awaitModel(context: RuntimeContext, waitMs: number, signal: AbortSignal): Promise<void> {
  const untilMs = context.clock.monotonicMs() + waitMs;
  while (isLoading(context) && context.clock.monotonicMs() < untilMs) await sleep(MODEL_LOOK_MS, { signal });
  requireReady(context);
}

/** A model that failed to load again is tried again by the engine. An unloaded one loads again on the next work: that is slow, but it is not a refusal. */
function modelIsUsable({ engine }: RuntimeContext): boolean {
  return engine.state === "ready" || engine.state === "unloaded";
}
