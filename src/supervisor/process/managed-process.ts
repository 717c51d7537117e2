import type { Clock } from "../../shared/time/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { EventSink } from "../logs/events.ts";
import type { ExitReason } from "./exit-reason.ts";
import { watchHealth } from "./health-watch.ts";
import { awaitGate, endInstance, startInstance } from "./instance.ts";
import type { GateResult, Instance, ProcessDefinition } from "./instance.ts";
import type { ChildNote } from "./orphans.ts";
import { createProcessBook } from "./process-state.ts";
import type { ProcessBook, ProcessSnapshot, ProcessState, RestartRecord, StopOutcome } from "./process-state.ts";
import { failedStart, recover, unexpectedEnd } from "./recovery.ts";
import type { RestartPolicy } from "./restart-policy.ts";

export interface ManagedProcessOptions {
  readonly definition: ProcessDefinition;
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly emit: EventSink;
  readonly onLine: (line: string) => void;
  /** Called whenever the set of living children changes, so that it can be written down for after a SIGKILL. */
  readonly onChildren: () => void;
}

/** One process kept running: start gate, liveness, restarts, graceful stop, hand-over to a successor. */
export class ManagedProcess {
  readonly #options: ManagedProcessOptions;
  readonly #book: ProcessBook;
  #current: Instance | undefined;
  /** A successor that has not passed its gate yet. */
  #next: Instance | undefined;
  readonly #outgoing = new Set<Instance>();
  /** Aborted by the next start, stop or hand-over: ends waits, gates and watching. */
  #activity = new AbortController();

  constructor(options: ManagedProcessOptions) {
    this.#options = options;
    this.#book = createProcessBook(options.definition.name, options.clock, options.emit);
  }

  get state(): ProcessState {
    return this.#book.state;
  }

  get current(): Instance | undefined {
    return this.#current;
  }

  /** Every living child: the current one, a successor being tried, predecessors still draining. */
  instances(): readonly Instance[] {
    return [this.#current, this.#next, ...this.#outgoing].filter(
      (instance): instance is Instance => instance !== undefined && instance.end() === undefined,
    );
  }

  /** The living children, for the list that the next supervisor reads after a SIGKILL. */
  notes(): readonly ChildNote[] {
    const { name } = this.#options.definition;
    return this.instances().flatMap(({ child }) => (child.identity === undefined ? [] : [{ name, ...child.identity }]));
  }

  snapshot(): ProcessSnapshot {
    return this.#book.snapshot({
      pid: this.#current?.end() === undefined ? this.#current?.child.pid : undefined,
      draining: [...this.#outgoing].map((instance) => instance.child.pid),
    });
  }

  /** Starts it and waits for its gate. When it fails, nothing is left running and nothing is tried again. */
  async start(): Promise<GateResult> {
    const { signal } = this.#begin();
    this.#options.policy.reset();
    return this.#attempt(signal);
  }

  /** Starts it, and when that fails goes on trying in the background: for processes whose absence must not end the service. */
  async keep(): Promise<GateResult> {
    const result = await this.start();
    if (!result.ok && result.why !== "aborted" && this.#book.state === "stopped") {
      void this.#recover(failedStart(this.#book, result));
    }
    return result;
  }

  /** Stops it gracefully; `now` kills. Resolves when nothing of it runs. */
  async stop(options: { readonly now?: boolean } = {}): Promise<StopOutcome> {
    this.#begin();
    const alive = this.instances();
    const successor = this.#next;
    const serving = this.#book.state !== "starting";
    if (alive.length > 0) this.#book.enter("stopping");
    const { definition } = this.#options;
    const limitMs = definition.timing().stopMs;
    const ends = await Promise.all(
      alive.map((instance) =>
        endInstance(definition, instance, { handover: false, limitMs, now: options.now ?? false }),
      ),
    );
    this.#book.enter("stopped");
    // A runtime that never served had nothing to drain: any end of it is clean.
    const unclean = serving ? ends.find((end, i) => alive[i] !== successor && end.kind !== "clean") : undefined;
    return { clean: unclean === undefined, end: unclean ?? ends[0] };
  }

  /** Makes an ongoing `stop` a kill. */
  killNow(): void {
    for (const instance of this.instances()) instance.child.kill();
  }

  /**
   * Starts a successor beside the current instance, and when it is ready lets the current one drain.
   * When the successor fails, it is removed and the current one continues: that is the rollback.
   *
   * @param onServing called when the successor has taken over, before the predecessor has drained
   */
  async handOver(options: {
    readonly limitMs: number;
    readonly onServing?: (result: GateResult) => void;
  }): Promise<GateResult> {
    const { definition, emit } = this.#options;
    const watching = this.#activity.signal;
    const next = await this.#launch(true);
    this.#next = next;
    this.#options.onChildren();
    const result = await awaitGate(definition, next, { shared: true, signal: watching });
    this.#next = undefined;
    if (!result.ok) {
      await endInstance(definition, next, { handover: false, limitMs: 0, now: true });
      this.#options.onChildren();
      emit({
        level: "error",
        event: "handover_failed",
        process: definition.name,
        why: result.why,
        end: result.end?.text,
        probe: result.answer?.text,
      });
      // The old one may have died in between; then its crash is still to be handled.
      if (!watching.aborted && this.#current?.end() !== undefined)
        void this.#recover(unexpectedEnd(this.#book, this.#current));
      return result;
    }
    const { signal } = this.#begin();
    const old = this.#current;
    this.#current = next;
    this.#book.enter("ready");
    emit({
      level: "info",
      event: "handed_over",
      process: definition.name,
      pid: next.child.pid,
      from: old?.child.pid,
      tookMs: result.tookMs,
    });
    this.#watch(next, signal);
    options.onServing?.(result);
    if (old !== undefined) await this.#retire(old, options.limitMs);
    return result;
  }

  // ---

  /** Ends whatever is going on and begins something new. */
  #begin(): AbortController {
    this.#activity.abort();
    this.#activity = new AbortController();
    this.#book.nextStartAtMs = undefined;
    return this.#activity;
  }

  async #launch(shared: boolean): Promise<Instance> {
    const { definition, clock, onLine, emit } = this.#options;
    this.#book.starts += 1;
    const instance = await startInstance({ definition, number: this.#book.starts, nowMs: clock.nowMs, onLine, shared });
    emit({
      level: "info",
      event: "started",
      process: definition.name,
      pid: instance.child.pid,
      start: this.#book.starts,
    });
    return instance;
  }

  async #attempt(signal: AbortSignal): Promise<GateResult> {
    const { definition, emit, onChildren } = this.#options;
    this.#book.enter("starting");
    let instance: Instance;
    try {
      instance = await this.#launch(false);
    } catch (error) {
      this.#book.enter("stopped");
      const end: ExitReason = { kind: "failed", text: `cannot be started: ${messageOf(error)}` };
      return { ok: false, why: "exited", tookMs: 0, end, answer: undefined, lines: [] };
    }
    this.#current = instance;
    onChildren();
    const result = await awaitGate(definition, instance, { shared: this.#outgoing.size > 0, signal });
    if (result.answer !== undefined) this.#book.lastProbe = result.answer.text;
    if (result.ok) {
      this.#book.enter("ready");
      emit({ level: "info", event: "ready", process: definition.name, pid: instance.child.pid, tookMs: result.tookMs });
      this.#watch(instance, signal);
      return result;
    }
    // The call that aborted the attempt also ends the child.
    if (result.why !== "aborted") {
      await endInstance(definition, instance, { handover: false, limitMs: 0, now: true });
      if (!signal.aborted) this.#book.enter("stopped");
      emit({
        level: "error",
        event: "start_failed",
        process: definition.name,
        why: result.why,
        end: result.end?.text,
        probe: result.answer?.text,
      });
    }
    onChildren();
    return result;
  }

  /** Watches an instance that serves: its end, and its answers. */
  #watch(instance: Instance, signal: AbortSignal): void {
    void instance.ended.then((end) => {
      this.#options.onChildren();
      if (signal.aborted || this.#current !== instance) return;
      this.#options.emit({
        level: "error",
        event: "died",
        process: this.#options.definition.name,
        pid: instance.child.pid,
        kind: end.kind,
        reason: end.text,
      });
      // While a successor is on its way it decides: it takes over, or its failure starts the recovery.
      if (this.#next === undefined) void this.#recover(unexpectedEnd(this.#book, instance));
    });
    const { definition, emit } = this.#options;
    const isShared = (): boolean => this.#outgoing.size > 0 || this.#next !== undefined;
    void watchHealth({ definition, book: this.#book, emit, isShared }, instance, signal);
  }

  #recover(first: RestartRecord): Promise<void> {
    const { signal } = this.#begin();
    const { definition, policy, clock, emit } = this.#options;
    const attempt = (until: AbortSignal): Promise<GateResult> => this.#attempt(until);
    return recover({ name: definition.name, book: this.#book, policy, clock, emit, attempt }, first, signal);
  }

  async #retire(old: Instance, limitMs: number): Promise<void> {
    const { definition, emit, onChildren } = this.#options;
    this.#outgoing.add(old);
    try {
      const end = await endInstance(definition, old, { handover: true, limitMs });
      emit({
        level: end.kind === "cut" ? "warn" : "info",
        event: "drained",
        process: definition.name,
        pid: old.child.pid,
        kind: end.kind,
        reason: end.text,
      });
    } finally {
      this.#outgoing.delete(old);
      onChildren();
    }
  }
}
