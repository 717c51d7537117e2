import { setTimeout as delay } from "node:timers/promises";

/** Resolves after the time or on abort, whichever is first. */
export async function waitOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
