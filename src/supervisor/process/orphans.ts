import type { EventSink } from "../logs/events.ts";
import { readJsonFile, writeFileAtomic } from "../../shared/files.ts";
import { killGroup } from "../../shared/process/process-group.ts";
import { isAlive, isProcessIdentity } from "../../shared/process/process-identity.ts";
import type { ProcessIdentity } from "../../shared/process/process-identity.ts";
import type { StatePaths } from "../state/state-dir.ts";
import { sleep } from "../../shared/time/timers.ts";

/** A child as it is written down for the next supervisor. */
export interface ChildNote extends ProcessIdentity {
  readonly name: string;
}

/** Keeps `children.json` in step with the living children; writes are serialized, failures are reported once. */
export function createChildRegister(
  paths: StatePaths,
  emit: EventSink,
): { note(children: readonly ChildNote[]): void; settled(): Promise<void> } {
  let latest = "";
  let written = "[]";
  let working: Promise<void> = Promise.resolve();
  let failing = false;
  return {
    note: (children) => {
      latest = JSON.stringify(children);
      working = working.then(async () => {
        if (latest === written) return;
        const content = latest;
        try {
          await writeFileAtomic(paths.childrenFile, `${content}\n`);
          written = content;
          failing = false;
        } catch (error) {
          if (!failing) emit({ level: "warn", event: "state_write_failed", file: paths.childrenFile, err: error });
          failing = true;
        }
      });
    },
    settled: () => working,
  };
}

/**
 * Ends children that outlived a killed supervisor. They noticed its death themselves and drain; they get the time
 * for it, then SIGKILL for their whole process group. Returns how many there were.
 */
export async function endOrphans(
  paths: StatePaths,
  options: { readonly waitMs: number; readonly emit: EventSink; readonly signal?: AbortSignal },
): Promise<number> {
  const value = await readJsonFile(paths.childrenFile);
  const orphans = (Array.isArray(value) ? value : []).filter(isProcessIdentity).filter(isAlive);
  for (const orphan of orphans) {
    options.emit({ level: "warn", event: "orphan_found", pid: orphan.pid });
    signalQuietly(orphan.pid, "SIGTERM");
  }
  const deadline = performance.now() + options.waitMs;
  for (const orphan of orphans) {
    while (isAlive(orphan) && performance.now() < deadline && options.signal?.aborted !== true) await sleep(50);
    if (isAlive(orphan)) {
      killGroup(orphan.pid);
      signalQuietly(orphan.pid, "SIGKILL");
      while (isAlive(orphan)) await sleep(20);
    }
    options.emit({ level: "warn", event: "orphan_ended", pid: orphan.pid });
  }
  return orphans.length;
}

// ---

function signalQuietly(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It went in between.
  }
}
