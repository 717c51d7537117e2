import { setTimeout as delay } from "node:timers/promises";
import type { Clock } from "../../shared/clock.ts";
import { messageOf } from "../../shared/errors.ts";
import type { RestartPolicy } from "./restart-policy.ts";
import type { EventSink } from "../logs/events.ts";
import type { ExitReason } from "./exit-reason.ts";
import { awaitGate, endInstance, startInstance } from "./instance.ts";
import type { GateResult, Instance, ProcessDefinition } from "./instance.ts";
import type { ProbeAnswer } from "./probe.ts";

/** `docs/reference/supervisor.md` draws the transitions. */
export const PROCESS_STATES = [
  "stopped",
  "starting",
  "ready",
  "unresponsive",
  "stopping",
  "waiting",
  "crash_loop",
] as const;
export type ProcessState = (typeof PROCESS_STATES)[number];

/** One unexpected end and what came of it. */
export interface RestartRecord {
  readonly at: string;
  readonly reason: string;
  readonly kind: ExitReason["kind"] | "unresponsive" | "start_failed";
}

/** A managed process as `status` shows it. */
export interface ProcessSnapshot {
  readonly name: string;
  readonly state: ProcessState;
  readonly since: string;
  readonly pid: number | undefined;
  /** Starts of any kind, hand-overs included. */
  readonly starts: number;
  /** Restarts that nobody asked for. */
  readonly restarts: number;
  readonly lastRestarts: readonly RestartRecord[];
  readonly nextStartInMs: number | undefined;
  /** Instances that drain beside the current one. */
  readonly draining: readonly number[];
  readonly lastProbe: string | undefined;
}

/** How a stop went. */
export interface StopOutcome {
  /** Everything that served ended by itself, within its time, with code 0. */
  readonly clean: boolean;
  /** The worst end, if anything was running. */
  readonly end: ExitReason | undefined;
}

export interface ManagedProcessOptions {
  readonly definition: ProcessDefinition;
  readonly policy: RestartPolicy;
  readonly clock: Clock;
  readonly emit: EventSink;
  readonly onLine: (line: string) => void;
  /** Called whenever the set of living children changes, so that it can be written down for after a SIGKILL. */
  readonly onChildren: () => void;
}

/** Three unanswered probes in a row are a hang; one may be a busy machine. */
const FAILED_PROBES_UNTIL_UNRESPONSIVE = 3;
const KEPT_RECORDS = 20;

/** One process kept running: start gate, liveness, restarts, orderly stop, hand-over to a successor. */
export class ManagedProcess {
  readonly #options: ManagedProcessOptions;
  #state: ProcessState = "stopped";
  #sinceMs: number;
  #current: Instance | undefined;
  /** A successor that has not passed its gate yet. */
  #next: Instance | undefined;
  readonly #outgoing = new Set<Instance>();
  #starts = 0;
  #restarts = 0;
  readonly #records: RestartRecord[] = [];
  #nextStartAtMs: number | undefined;
  #lastProbe: string | undefined;
  /** Aborted when somebody decides differently: ends waits, gates and watching. */
  #activity = new AbortController();

  constructor(options: ManagedProcessOptions) {
    this.#options = options;
    this.#sinceMs = options.clock.nowMs();
  }

  get state(): ProcessState {
    return this.#state;
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

  snapshot(): ProcessSnapshot {
    const { clock, definition } = this.#options;
    return {
      name: definition.name,
      state: this.#state,
      since: new Date(this.#sinceMs).toISOString(),
      pid: this.#current?.end() === undefined ? this.#current?.child.pid : undefined,
      starts: this.#starts,
      restarts: this.#restarts,
      lastRestarts: [...this.#records],
      nextStartInMs:
        this.#nextStartAtMs === undefined
          ? undefined
          : Math.max(0, Math.round(this.#nextStartAtMs - clock.monotonicMs())),
      draining: [...this.#outgoing].map((instance) => instance.child.pid),
      lastProbe: this.#lastProbe,
    };
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
    if (!result.ok && result.why !== "aborted" && this.#state === "stopped") {
      void this.#recover(this.#failedStart(result));
    }
    return result;
  }

  /** Stops it in order; `now` kills. Resolves when nothing of it runs. */
  async stop(options: { readonly now?: boolean } = {}): Promise<StopOutcome> {
    this.#begin();
    const alive = this.instances();
    const successor = this.#next;
    const serving = this.#state !== "starting";
    if (alive.length > 0) this.#enter("stopping");
    const { definition } = this.#options;
    const limitMs = definition.timing().stopMs;
    const ends = await Promise.all(
      alive.map((instance) =>
        endInstance(definition, instance, { handover: false, limitMs, now: options.now ?? false }),
      ),
    );
    this.#enter("stopped");
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
   * When the successor fails, it is removed and the current one goes on as if nothing had been: that is the rollback.
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
      // The old one may have died meanwhile; then its crash was left for us to deal with.
      if (!watching.aborted && this.#current?.end() !== undefined) void this.#recover(this.#endOf(this.#current));
      return result;
    }
    const { signal } = this.#begin();
    const old = this.#current;
    this.#current = next;
    this.#enter("ready");
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
    this.#nextStartAtMs = undefined;
    return this.#activity;
  }

  #enter(state: ProcessState): void {
    if (this.#state === state) return;
    const from = this.#state;
    this.#state = state;
    this.#sinceMs = this.#options.clock.nowMs();
    this.#options.emit({ level: "debug", event: "state", process: this.#options.definition.name, from, to: state });
  }

  async #launch(shared: boolean): Promise<Instance> {
    const { definition, clock, onLine, emit } = this.#options;
    this.#starts += 1;
    const instance = await startInstance({ definition, number: this.#starts, nowMs: clock.nowMs, onLine, shared });
    emit({ level: "info", event: "started", process: definition.name, pid: instance.child.pid, start: this.#starts });
    return instance;
  }

  async #attempt(signal: AbortSignal): Promise<GateResult> {
    const { definition, emit, onChildren } = this.#options;
    this.#enter("starting");
    let instance: Instance;
    try {
      instance = await this.#launch(false);
    } catch (error) {
      this.#enter("stopped");
      const end: ExitReason = { kind: "failed", text: `cannot be started: ${messageOf(error)}` };
      return { ok: false, why: "exited", tookMs: 0, end, answer: undefined, lines: [] };
    }
    this.#current = instance;
    onChildren();
    const result = await awaitGate(definition, instance, { shared: this.#outgoing.size > 0, signal });
    if (result.answer !== undefined) this.#lastProbe = result.answer.text;
    if (result.ok) {
      this.#enter("ready");
      emit({ level: "info", event: "ready", process: definition.name, pid: instance.child.pid, tookMs: result.tookMs });
      this.#watch(instance, signal);
      return result;
    }
    // Whoever aborted the attempt also takes care of the child.
    if (result.why !== "aborted") {
      await endInstance(definition, instance, { handover: false, limitMs: 0, now: true });
      if (!signal.aborted) this.#enter("stopped");
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
      if (this.#next === undefined) void this.#recover(this.#endOf(instance));
    });
    void this.#watchHealth(instance, signal);
  }

  async #watchHealth(instance: Instance, signal: AbortSignal): Promise<void> {
    const { definition, emit } = this.#options;
    let failures = 0;
    while (!signal.aborted && instance.end() === undefined) {
      await waitOrAbort(definition.timing().healthIntervalMs, signal);
      if (signal.aborted || instance.end() !== undefined) return;
      const shared = this.#outgoing.size > 0 || this.#next !== undefined;
      const answer = await definition.health(instance, shared);
      // aborted may have changed while we awaited
      if (signal.aborted || instance.end() !== undefined) return;
      this.#lastProbe = answer.text;
      if (answer.ok) {
        if (failures > 0) emit({ level: "info", event: "healthy_again", process: definition.name, failures });
        if (this.#state === "unresponsive") this.#enter("ready");
        failures = 0;
        continue;
      }
      failures += 1;
      emit({ level: "warn", event: "unhealthy", process: definition.name, failures, probe: answer.text });
      if (failures >= FAILED_PROBES_UNTIL_UNRESPONSIVE) {
        this.#enter("unresponsive");
        await this.#replaceHung(instance, answer);
        return;
      }
    }
  }

  async #replaceHung(instance: Instance, answer: ProbeAnswer): Promise<void> {
    const { definition, emit } = this.#options;
    emit({ level: "error", event: "hung", process: definition.name, pid: instance.child.pid, probe: answer.text });
    instance.expectEnd();
    // A process whose event loop stands still cannot drain; a stopped one (SIGSTOP) takes nothing but SIGKILL.
    instance.child.kill();
    await instance.ended;
  }

  #endOf(dead: Instance): RestartRecord {
    const at = new Date(this.#options.clock.nowMs()).toISOString();
    return this.#state === "unresponsive"
      ? { at, kind: "unresponsive", reason: `stopped answering (${this.#lastProbe ?? "no answer"})` }
      : { at, kind: dead.end()?.kind ?? "failed", reason: dead.end()?.text ?? "ended" };
  }

  #failedStart(result: GateResult & { readonly ok: false }): RestartRecord {
    return {
      at: new Date(this.#options.clock.nowMs()).toISOString(),
      kind: "start_failed",
      reason: `did not become ready: ${result.end?.text ?? result.answer?.text ?? result.why}`,
    };
  }

  /** After an unexpected end: back-off, start again, and so on until it is ready, or crash loop. */
  async #recover(first: RestartRecord): Promise<void> {
    const { definition, policy, emit, clock } = this.#options;
    const { signal } = this.#begin();
    let reason = first;
    for (;;) {
      this.#record(reason);
      const decision = policy.failed();
      this.#enter(decision.restart ? "waiting" : "crash_loop");
      this.#nextStartAtMs = clock.monotonicMs() + decision.delayMs;
      emit(
        decision.restart
          ? {
              level: "warn",
              event: "restart_scheduled",
              process: definition.name,
              delayMs: decision.delayMs,
              recent: decision.recent,
              reason: reason.reason,
            }
          : {
              level: "error",
              event: "crash_loop",
              process: definition.name,
              recent: decision.recent,
              nextTryMs: decision.delayMs,
              reason: reason.reason,
            },
      );
      await waitOrAbort(decision.delayMs, signal);
      if (signal.aborted) return;
      this.#nextStartAtMs = undefined;
      this.#restarts += 1;
      const result = await this.#attempt(signal);
      if (result.ok) {
        emit({
          level: "warn",
          event: "restarted",
          process: definition.name,
          reason: reason.reason,
          restarts: this.#restarts,
        });
        return;
      }
      if (signal.aborted) return;
      reason = this.#failedStart(result);
    }
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

  #record(record: RestartRecord): void {
    this.#records.push(record);
    if (this.#records.length > KEPT_RECORDS) this.#records.shift();
  }
}

/** Resolves after the time or on abort, whichever is first. */
async function waitOrAbort(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(ms, undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
