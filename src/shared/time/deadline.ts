import { setTimeout } from "./timers.ts";

/**
 * Returns a signal that aborts with the given one, or after a time. A timer of its own: Node 20 collects an `AbortSignal.timeout` that
 * only `AbortSignal.any` refers to, and then it never fires.
 */
export function withDeadline(signal: AbortSignal, timeMs: number): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(
    () => controller.abort(new DOMException(`no answer within ${timeMs / 1000} s`, "TimeoutError")),
    timeMs,
  );
  timer.unref();
  const follow = (): void => {
    clearTimeout(timer);
    controller.abort(signal.reason);
  };
  if (signal.aborted) follow();
  else signal.addEventListener("abort", follow, { once: true });
  return controller.signal;
}
