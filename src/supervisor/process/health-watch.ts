import type { EventSink } from "../logs/events.ts";
import type { Instance, ProcessDefinition } from "./instance.ts";
import type { ProbeAnswer } from "./probe.ts";
import type { ProcessBook } from "./process-state.ts";
import { waitOrAbort } from "./wait.ts";

export interface HealthWatch {
  readonly definition: ProcessDefinition;
  readonly book: ProcessBook;
  readonly emit: EventSink;
  /** Another instance answers on the same socket. */
  readonly isShared: () => boolean;
}

/** Three unanswered probes in a row are a hang; one may be a busy machine. */
const FAILED_PROBES_UNTIL_UNRESPONSIVE = 3;

/** Asks a serving instance for its health until it ends or the signal fires; one that stopped answering is killed. */
export async function watchHealth(watch: HealthWatch, instance: Instance, signal: AbortSignal): Promise<void> {
  const { definition, book, emit } = watch;
  let failures = 0;
  // The signal may have fired during any wait.
  const isOver = (): boolean => signal.aborted || instance.end() !== undefined;
  while (!isOver()) {
    await waitOrAbort(definition.timing().healthIntervalMs, signal);
    if (isOver()) return;
    const answer = await definition.health(instance, watch.isShared());
    if (isOver()) return;
    book.lastProbe = answer.text;
    if (answer.ok) {
      if (failures > 0) emit({ level: "info", event: "healthy_again", process: definition.name, failures });
      if (book.state === "unresponsive") book.enter("ready");
      failures = 0;
      continue;
    }
    failures += 1;
    emit({ level: "warn", event: "unhealthy", process: definition.name, failures, probe: answer.text });
    if (failures >= FAILED_PROBES_UNTIL_UNRESPONSIVE) {
      book.enter("unresponsive");
      await killHung(watch, instance, answer);
      return;
    }
  }
}

// ---

async function killHung({ definition, emit }: HealthWatch, instance: Instance, answer: ProbeAnswer): Promise<void> {
  emit({ level: "error", event: "hung", process: definition.name, pid: instance.child.pid, probe: answer.text });
  instance.expectEnd();
  // A process whose event loop stands still cannot drain; a stopped one (SIGSTOP) takes nothing but SIGKILL.
  instance.child.kill();
  await instance.ended;
}
