import { createModelPuller } from "./helpers/pull.ts";
import type { ModelPuller } from "./helpers/pull.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { HISTORY_RANGES } from "../shared/protocol.ts";
import type { HistoryRange } from "../shared/protocol.ts";
import { systemClock } from "../shared/time/clock.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import { createConfigChanges } from "./config/changes.ts";
import type { ConfigChanges, Progress, ReloadOutcome, ReloadPlan } from "./config/changes.ts";
import { openControlServer } from "./control/server.ts";
import type { ControlHandler, ControlServer } from "./control/server.ts";
import type { EventSink } from "./logs/events.ts";
import type { GateResult } from "./process/instance.ts";
import type { StopOutcome } from "./process/process-state.ts";
import { createMemoryCeiling } from "./runtime/memory-ceiling.ts";
import { createOperations } from "./control/operations.ts";
import { answerQuestion } from "./control/questions.ts";
import type { Answer, Question } from "../shared/process/messages.ts";
import type { RestartOutcome } from "./runtime/service.ts";
import type { StatusReport } from "./status/status.ts";
import { buildStatus } from "./status/build-status.ts";
import { openParts } from "./parts.ts";
import type { ConfigCell, Parts, SupervisorOptions } from "./parts.ts";
import { watchFile } from "./config/watch-file.ts";
import { setInterval, setTimeout } from "../shared/time/timers.ts";

/** What the control socket understands. */
export const CONTROL_COMMANDS = [
  "status",
  "plan",
  "reload",
  "restart",
  "upgrade",
  "rollback",
  "history",
  "series",
  "events",
  "down",
] as const;

const CONFIG_POLL_MS = 1000;
const DEFAULT_SAMPLE_MS = 60_000;
/** Between two looks at certificates, disks and rendered files. */
const LOOK_MS = 60_000;

function rangeOf(value: unknown): HistoryRange {
  return typeof value === "string" && Object.hasOwn(HISTORY_RANGES, value) ? (value as HistoryRange) : "1h"; // one of its keys
}

/** The supervisor: owns the state directory, the service and the control socket; one operation at a time. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #parts: Parts;
  readonly #emit: EventSink;
  readonly #puller: ModelPuller;
  readonly #cell: ConfigCell;
  readonly #changes: ConfigChanges;
  readonly #operations = createOperations(
    () => this.#stopping !== undefined,
    () => this.#inform(),
  );
  readonly #ceiling = createMemoryCeiling(systemClock);
  readonly #startedMs = Date.now();
  readonly #timers: NodeJS.Timeout[] = [];
  #control: ControlServer | undefined;
  #watcher: { close(): void } | undefined;
  #stopping: Promise<StopOutcome> | undefined;
  /** Asked for by a signal or a file change, not begun yet. */
  #waitingReload: Promise<void> | undefined;
  #finish: (code: number) => void = () => {};
  /** Resolves with the exit code once `stop()` completes. */
  readonly finished: Promise<number> = new Promise((resolve) => {
    this.#finish = resolve;
  });

  private constructor(options: SupervisorOptions, cell: ConfigCell, emit: EventSink, parts: Parts) {
    this.#options = options;
    this.#cell = cell;
    this.#emit = emit;
    this.#parts = parts;
    this.#changes = createConfigChanges({ options, parts, cell, emit });
    this.#puller = createModelPuller({
      config: () => this.config.model,
      env: options.env,
      emit,
      onChange: () => this.#inform(),
      onPulled: () => this.upgrade(),
      ...(options.pullerEntry === undefined ? {} : { entry: options.pullerEntry }),
    });
  }

  /** Takes the state directory and the socket. Throws when another supervisor or program has them. Starts nothing yet. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const opened = await openParts(options);
    const { parts, late } = opened;
    try {
      const supervisor = new Supervisor(options, opened.cell, opened.emit, parts);
      late.onStats = () => supervisor.#onStats();
      late.onAsk = (question) => supervisor.#answerRuntime(question);
      late.onServing = () => {
        supervisor.#inform();
        parts.proxy.runtimeIs(parts.service.process.current?.child.pid);
      };
      supervisor.#control = await openControlServer(options.paths.controlSocket, supervisor.#answer);
      return supervisor;
    } catch (error) {
      await parts.service.close();
      await parts.claim.release();
      throw error;
    }
  }

  /** Where other devices of the home network reach it; empty without `server.lan`. */
  get lanUrls(): readonly string[] {
    return this.#parts.service.lanUrls;
  }

  get url(): string {
    return this.#parts.service.url;
  }

  get config(): ResolvedConfig {
    return this.#cell.loaded.config;
  }

  /** Address of the proxy, when we run one. */
  get publicUrl(): string | undefined {
    return this.#parts.proxy.publicUrl();
  }

  /** Starts Redis, runtime and proxy, in this order, and waits for their gates. Only the runtime decides. */
  async start(): Promise<GateResult> {
    const { service, proxy, redis } = this.#parts;
    await redis.start();
    if (this.#stopping !== undefined)
      return { ok: false, why: "aborted", tookMs: 0, end: undefined, answer: undefined, lines: [] };
    const result = await service.start();
    if (result.ok) {
      await proxy.start(this.#cell.loaded);
      await this.#parts.upkeep.look();
      await this.#changes.keepAsGood();
      this.#beginRounds();
    }
    return result;
  }

  /** Replaces the runtime without refusing a connection, or drains first when two do not fit. */
  restart(progress: Progress = () => {}): Promise<RestartOutcome> {
    return this.#operations.run("restart", async () => {
      const outcome = await this.#parts.service.restart(progress);
      await this.#parts.redis.retry();
      await this.#parts.proxy.retry(this.#cell.loaded);
      return outcome;
    });
  }

  /** Applies what is on disk: the configuration, checked by the new code, and a runtime of the new code and model. */
  upgrade(progress: Progress = () => {}): Promise<RestartOutcome & { readonly version: string }> {
    return this.#operations.run("upgrade", async () => {
      const outcome = await this.#changes.upgrade(progress);
      return { ...outcome, version: this.#options.readVersion?.() ?? this.#options.version };
    });
  }

  /** Downloads the real model while the one in use serves, then hands over to it. */
  pullModel(): void {
    if (this.#stopping === undefined) this.#puller.start();
  }

  /** What a reload would do now. Changes nothing. Throws ConfigError when the new configuration is not usable. */
  plan(): Promise<ReloadPlan> {
    return this.#changes.plan();
  }

  /** Reads the configuration again and applies what changed; an invalid one changes nothing. */
  reload(progress: Progress = () => {}): Promise<ReloadOutcome> {
    return this.#operations.run("reload", () => this.#changes.reload(progress));
  }

  /** `reload` for signals and file changes: waits for a running operation instead of refusing, and reports through events. */
  reloadSoon(reason: string): Promise<void> {
    if (this.#operations.current === undefined) return this.#reloadNow(reason);
    // One that still waits reads the file later than now: it covers every request made since.
    this.#waitingReload ??= this.#operations.whenIdle(() => {
      this.#waitingReload = undefined;
      return this.#reloadNow(reason);
    });
    return this.#waitingReload;
  }

  /** Goes back to the last configuration that was healthy. */
  rollback(progress: Progress = () => {}, written?: number): Promise<ReloadOutcome> {
    return this.#operations.run("rollback", () => this.#changes.rollback(progress, written));
  }

  /** Drains and ends everything; `now` (also while a stop is under way) kills. Resolves after the last child is gone. */
  async stop(options: { readonly now?: boolean } = {}): Promise<StopOutcome> {
    if (this.#stopping !== undefined) {
      if (options.now === true) {
        this.#parts.service.process.killNow();
        this.#parts.proxy.killNow();
        this.#parts.redis.killNow();
      }
      return this.#stopping;
    }
    for (const timer of this.#timers) clearInterval(timer);
    this.#watcher?.close();
    this.#puller.stop();
    this.#emit({ level: "info", event: "stopping", now: options.now ?? false });
    this.#stopping = this.#stopAll({ now: options.now ?? false });
    const outcome = await this.#stopping;
    await this.#close();
    this.#finish(outcome.clean ? 0 : 1);
    return outcome;
  }

  /** The proxy drains with the runtime behind it; Redis stops last, because the history writes its last entries to it. */
  async #stopAll(options: { readonly now: boolean }): Promise<StopOutcome> {
    const { service, proxy: front, redis, history } = this.#parts;
    const runtimeStopped = service.process.stop(options);
    const [runtime, proxy] = await Promise.all([runtimeStopped, front.stop(runtimeStopped, options)]);
    const outcome = {
      clean: runtime.clean && proxy.clean,
      end: runtime.clean ? (proxy.end ?? runtime.end) : runtime.end,
    };
    this.#emit({
      level: outcome.clean ? "info" : "warn",
      event: "stopped",
      clean: outcome.clean,
      end: outcome.end?.text,
    });
    await history.close();
    await redis.stop(options);
    return outcome;
  }

  status(): StatusReport {
    return buildStatus(this.#parts, {
      options: this.#options,
      cell: this.#cell,
      startedMs: this.#startedMs,
      stopping: this.#stopping !== undefined,
      operation: this.#operations.current ?? null,
      configTrouble: this.#changes.configTrouble,
      setTrouble: this.#changes.setTrouble,
    });
  }

  // --- rounds

  async #reloadNow(reason: string): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#emit({ level: "info", event: "reload_requested", reason });
    const reload = (): Promise<ReloadOutcome> => this.#changes.reload(() => {});
    await this.#operations.run("reload", reload, { isAutomatic: true }).catch(() => {});
  }

  #beginRounds(): void {
    const { path } = this.#cell.loaded;
    if (path !== undefined) {
      this.#watcher = watchFile(path, CONFIG_POLL_MS, () => {
        if (this.config.supervisor.watchConfig) void this.reloadSoon("the file changed");
        else void this.#operations.whenIdle(() => this.#changes.noteChange(path));
      });
    }
    const sample = setInterval(() => this.#sample(), this.#options.sampleIntervalMs ?? DEFAULT_SAMPLE_MS);
    sample.unref();
    const look = setInterval(() => {
      void this.#parts.upkeep.look();
      if (this.#parts.service.hasOldCertificate) this.#recycle();
    }, LOOK_MS);
    look.unref();
    this.#timers.push(sample, look);
  }

  #sample(): void {
    const { service, history } = this.#parts;
    const stats = service.facts()?.stats;
    if (stats !== undefined) history.sample(stats, service.process.snapshot().restarts);
  }

  /** With every health round: the memory ceiling, and the word to the runtime. */
  #onStats(): void {
    const { service } = this.#parts;
    const limit = this.config.supervisor.memoryLimitBytes;
    const stats = service.facts()?.stats;
    this.#inform();
    if (limit === undefined || stats === undefined || this.#stopping !== undefined) return;
    if (!this.#ceiling.isPassed(stats.rssBytes, limit, this.#operations.current !== undefined)) return;
    this.#emit({ level: "warn", event: "memory_limit", rssBytes: stats.rssBytes, limitBytes: limit });
    this.#recycle();
  }

  #recycle(): void {
    if (this.#operations.current !== undefined || this.#stopping !== undefined) return;
    void this.#operations
      .run("recycle", () => this.#parts.service.restart(() => {}))
      .catch((error: unknown) => {
        this.#emit({ level: "error", event: "recycle_failed", reason: messageOf(error) });
      });
  }

  #inform(): void {
    const { overall, config, processes, issues, care } = this.status();
    this.#parts.service.inform({
      overall,
      config: config.hash,
      restarts: processes[0]?.restarts ?? 0,
      issues,
      processes: processes.map(({ name, restarts, state, since, pid }) => ({
        name,
        restarts,
        state,
        since,
        pid: pid ?? null,
      })),
      rssBytes: process.memoryUsage.rss(),
      operation: this.#operations.current ?? null,
      lastOperation: this.#operations.last ?? null,
      certificates: care.certificates,
      disks: care.disks.map(({ what, freeBytes }) => ({ what, freeBytes })),
      cutDrains: this.#parts.cutDrains(),
      pull: this.#puller.state(),
    });
  }

  // --- questions of the runtime

  #answerRuntime(question: Question): Promise<Answer> {
    return answerQuestion(question, {
      parts: this.#parts,
      paths: this.#options.paths,
      cell: () => this.#cell,
      pull: () => this.pullModel(),
      begin: (name) => {
        this.#operations.requireIdle();
        this.#emit({ level: "info", event: "console_operation", operation: name });
        // Its outcome is in the report to the runtime, which may be another one by then.
        void this[name]().catch((error: unknown) => {
          this.#emit({ level: "warn", event: "console_operation_failed", operation: name, reason: messageOf(error) });
        });
      },
    });
  }

  // --- control

  readonly #answer: ControlHandler = async ({ cmd, args = {} }, io) => {
    const progress: Progress = (text) => io.event({ progress: text });
    switch (cmd) {
      case "status":
        return this.status();
      case "plan":
        return this.plan();
      case "restart":
        return this.restart(progress);
      case "upgrade":
        return this.upgrade(progress);
      case "reload":
        return this.reload(progress);
      case "rollback": {
        if (args["plan"] === true) {
          const { path, generation } = await this.#changes.rollbackTarget();
          return { path, number: generation.number };
        }
        return this.rollback(progress, typeof args["written"] === "number" ? args["written"] : undefined);
      }
      case "history":
        return this.#parts.history.read(
          Date.now() - (typeof args["sinceMs"] === "number" ? args["sinceMs"] : 3_600_000),
        );
      case "series":
        return this.#parts.history.series(rangeOf(args["range"]));
      case "down": {
        const { clean, end } = await this.stop({ now: args["now"] === true });
        return { clean, end: end?.text ?? null };
      }
      case "events":
        return this.#streamEvents(io);
      default:
        throw new GigasttError(
          "GST_CONTROL_COMMAND",
          `unknown control command "${cmd}": use one of ${CONTROL_COMMANDS.join(", ")}`,
        );
    }
  };

  #streamEvents(io: { readonly event: (event: unknown) => void; readonly signal: AbortSignal }): Promise<null> {
    const { listeners } = this.#parts;
    return new Promise((resolve) => {
      listeners.add(io.event);
      io.signal.addEventListener("abort", () => {
        listeners.delete(io.event);
        resolve(null);
      });
    });
  }

  async #close(): Promise<void> {
    const { service, register, hooks, logs, claim, history } = this.#parts;
    await service.close();
    await register.settled();
    await hooks.settled(2000);
    await history.close();
    await Promise.all(Object.values(logs).map((log) => log.close()));
    await claim.release();
    // After the answer to `down` had a turn to leave.
    setTimeout(() => void this.#control?.close(), 20);
  }
}
