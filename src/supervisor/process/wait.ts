import { sleep } from "../../shared/time/timers.ts";

/** Resolves after the time or on abort, whichever is first. */
export async function waitOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
