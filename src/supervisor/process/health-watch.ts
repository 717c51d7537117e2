import type { EventSink } from "../logs/events.ts";
import type { Instance, ProcessDefinition } from "./instance.ts";
import type { ProbeAnswer } from "./probe.ts";
import type { ProcessBook } from "./process-state.ts";
import { runDelayMs } from "./run-delay.ts";
import { waitOrAbort } from "./wait.ts";

export interface HealthWatch {
  readonly definition: ProcessDefinition;
  readonly book: ProcessBook;
  readonly emit: EventSink;
  /** Another instance answers on the same socket. */
  readonly isShared: () => boolean;
  /** How long a process has waited for a processor. Default: as the system says. */
  readonly runDelayMs?: (pid: number) => number | undefined;
}

/** Three unanswered probes in a row are a hang; one may be a busy machine. */
const FAILED_PROBES_UNTIL_UNRESPONSIVE = 3;
/** A process that mostly waits for a processor does not hang: killing it would only add a start to the load. It gets this many probes. */
const FAILED_PROBES_WHILE_STARVED = 15;
const STARVED_SHARE = 0.5;

/** Asks a serving instance for its health until it ends or the signal fires; one that stopped answering is killed. */
export async function watchHealth(watch: HealthWatch, instance: Instance, signal: AbortSignal): Promise<void> {
  const { definition, book, emit } = watch;
  let failures = 0;
  let sinceMs = performance.now();
  let delayMs = 0;
  const delay = (): number => (watch.runDelayMs ?? runDelayMs)(instance.child.pid) ?? 0;
  const isStarved = (): boolean => delay() - delayMs > STARVED_SHARE * (performance.now() - sinceMs);
  // The signal may have fired during any wait.
  const isOver = (): boolean => signal.aborted || instance.end() !== undefined;
  while (!isOver()) {
    await waitOrAbort(definition.timing().healthIntervalMs, signal);
    if (isOver()) return;
    if (failures === 0) [sinceMs, delayMs] = [performance.now(), delay()];
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
    const starved = isStarved();
    const why = starved ? { cause: "the machine is overloaded: it waits for a processor" } : {};
    emit({ level: "warn", event: "unhealthy", process: definition.name, failures, probe: answer.text, ...why });
    if (failures >= (starved ? FAILED_PROBES_WHILE_STARVED : FAILED_PROBES_UNTIL_UNRESPONSIVE)) {
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
