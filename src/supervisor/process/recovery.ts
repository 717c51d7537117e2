import type { Clock } from "../../shared/time/clock.ts";
import type { EventSink } from "../logs/events.ts";
import type { GateResult, Instance } from "./instance.ts";
import type { ProcessBook, RestartRecord } from "./process-state.ts";
import type { RestartPolicy } from "./restart-policy.ts";
import { waitOrAbort } from "./wait.ts";

export interface Recovery {
  readonly name: string;
  readonly book: ProcessBook;
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly emit: EventSink;
  readonly attempt: (signal: AbortSignal) => Promise<GateResult>;
}

/** After an unexpected end: waits, starts again, and so on until it is ready, or crash loop. */
export async function recover(recovery: Recovery, first: RestartRecord, signal: AbortSignal): Promise<void> {
  const { name, book, emit } = recovery;
  for (let record = first; ;) {
    const delayMs = schedule(recovery, record);
    await waitOrAbort(delayMs, signal);
    if (signal.aborted) return;
    book.nextStartAtMs = undefined;
    book.restarts += 1;
    const result = await recovery.attempt(signal);
    if (result.ok) {
      emit({ level: "warn", event: "restarted", process: name, reason: record.reason, restarts: book.restarts });
      return;
    }
    if (signal.aborted) return;
    record = failedStart(book, result);
  }
}

/** The record of an instance that died or stopped answering. */
export function unexpectedEnd(book: ProcessBook, dead: Instance): RestartRecord {
  const at = book.now();
  return book.state === "unresponsive"
    ? { at, kind: "unresponsive", reason: `stopped answering (${book.lastProbe ?? "no answer"})` }
    : { at, kind: dead.end()?.kind ?? "failed", reason: dead.end()?.text ?? "ended" };
}

/** The record of a start that failed. */
export function failedStart(book: ProcessBook, result: GateResult & { readonly ok: false }): RestartRecord {
  return {
    at: book.now(),
    kind: "start_failed",
    reason: `did not become ready: ${result.end?.text ?? result.answer?.text ?? result.why}`,
  };
}

// ---

/** Decides when the next start is due and reports it. Milliseconds. */
function schedule({ name, book, policy, clock, emit }: Recovery, record: RestartRecord): number {
  book.record(record);
  const { restart, delayMs, recent } = policy.failed();
  book.enter(restart ? "waiting" : "crash_loop");
  book.nextStartAtMs = clock.monotonicMs() + delayMs;
  const { reason } = record;
  emit(
    restart
      ? { level: "warn", event: "restart_scheduled", process: name, delayMs, recent, reason }
      : { level: "error", event: "crash_loop", process: name, recent, nextTryMs: delayMs, reason },
  );
  return delayMs;
}
