import { readFileSync } from "node:fs";

/** Returns how long the process's first thread has waited for a processor since it started, in milliseconds; undefined where the system does not say. */
export function runDelayMs(pid: number): number | undefined {
  try {
    // Nanoseconds: on the processor, waiting for one; then the number of turns.
    const [, waitedNs] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ");
    return Number(waitedNs) / 1e6;
  } catch {
    return undefined;
  }
}
