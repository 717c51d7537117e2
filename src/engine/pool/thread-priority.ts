import { readFileSync } from "node:fs";
import { setPriority } from "node:os";

/**
 * Makes the calling thread give way to the HTTP thread when every core is busy: Linux schedules threads, not processes,
 * and threads started later inherit it. Elsewhere nothing happens.
 *
 * @param niceness 0..19 above what the process has
 */
export function lowerThreadPriority(niceness: number): void {
  if (process.platform !== "linux" || niceness === 0) return;
  try {
    const threadId = Number(readFileSync("/proc/thread-self/stat", "utf8").split(" ")[0]);
    setPriority(threadId, niceness);
  } catch {
    // Without /proc or the right to be nice everything works, only less evenly.
  }
}
