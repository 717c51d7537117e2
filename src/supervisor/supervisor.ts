import { copyFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadedConfig } from "../config/load.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { systemClock } from "../shared/clock.ts";
import { GigasttError, messageOf } from "../shared/errors.ts";
import type { Prepared } from "./companions.ts";
import { planChange } from "./config-diff.ts";
import type { ConfigChange, ConfigPlan, ReloadEffect } from "./config-diff.ts";
import { openControlServer } from "./control-server.ts";
import type { ControlHandler, ControlServer } from "./control-server.ts";
import type { EventSink } from "./events.ts";
import { writeFileAtomic } from "./files.ts";
import { keepGeneration, listGenerations } from "./generations.ts";
import type { KeptSets } from "./generations.ts";
import type { GateResult } from "./instance.ts";
import type { Issue } from "./issues.ts";
import type { StopOutcome } from "./managed-process.ts";
import type { RestartOutcome, Service } from "./service.ts";
import type { StatusReport } from "./status.ts";
import { buildStatus } from "./status-report.ts";
import { openParts } from "./supervisor-parts.ts";
import type { ConfigCell, Parts, SupervisorOptions } from "./supervisor-parts.ts";
import { watchFile } from "./watch-file.ts";

/** What a reload would do. */
export interface ReloadPlan extends ConfigPlan {
  /** Files of `gigastt render` that would be written. */
  readonly files?: readonly string[];
  /** What the managed proxy would have to do. */
  readonly proxy?: "start" | "stop" | "reload";
}

/** What a reload did. */
export interface ReloadOutcome {
  readonly effect: ReloadEffect;
  readonly changes: readonly ConfigChange[];
  readonly hash: string;
}

/** What the control socket understands. */
export const CONTROL_COMMANDS = [
  "status",
  "plan",
  "reload",
  "restart",
  "upgrade",
  "rollback",
  "history",
  "events",
  "down",
] as const;

type Progress = (text: string) => void;

const CONFIG_POLL_MS = 1000;
const DEFAULT_SAMPLE_MS = 60_000;
/** Several samples in a row: one large upload is no leak. */
const SAMPLES_ABOVE_LIMIT = 3;
const RECYCLE_PAUSE_MS = 60_000;
/** Between two looks at certificates, disks and rendered files. */
const LOOK_MS = 60_000;

/** The supervisor: owns the state directory, the service and the control socket; one operation at a time. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #parts: Parts;
  readonly #emit: EventSink;
  readonly #cell: ConfigCell;
  readonly #startedMs = Date.now();
  readonly #timers: NodeJS.Timeout[] = [];
  #control: ControlServer | undefined;
  #watcher: { close(): void } | undefined;
  #operation: { readonly name: string; readonly since: string; readonly done: Promise<void> } | undefined;
  #stopping: Promise<StopOutcome> | undefined;
  /** Asked for by a signal or a file change, not begun yet. */
  #waitingReload: Promise<void> | undefined;
  /** Why the configuration on disk is not the one that runs. */
  #configTrouble:
    | { readonly id: "config_invalid" | "config_changed" | "restart_pending"; readonly text: string }
    | undefined;
  /** Why the set of `gigastt render` did not follow the last reload. */
  #setTrouble: Issue | undefined;
  #samplesAboveLimit = 0;
  #recycledAtMs = Number.NEGATIVE_INFINITY;
  #finish: (code: number) => void = () => {};
  /** Resolves with the exit code once `stop` is through. */
  readonly finished: Promise<number> = new Promise((resolve) => {
    this.#finish = resolve;
  });

  private constructor(options: SupervisorOptions, cell: ConfigCell, emit: EventSink, parts: Parts) {
    this.#options = options;
    this.#cell = cell;
    this.#emit = emit;
    this.#parts = parts;
  }

  /** Takes the state directory and the socket. Throws when another supervisor or program has them. Starts nothing yet. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    const opened = await openParts(options);
    const { parts, late } = opened;
    try {
      const supervisor = new Supervisor(options, opened.cell, opened.emit, parts);
      late.onStats = () => supervisor.#onStats();
      late.onServing = () => {
        supervisor.#inform();
        parts.companions.runtimeIs(parts.service.process.current?.child.pid);
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
    return this.#parts.companions.publicUrl();
  }

  /** Starts Redis, runtime and proxy, in this order, and waits for their gates. Only the runtime decides. */
  async start(): Promise<GateResult> {
    const { service, companions } = this.#parts;
    await companions.startRedis();
    if (this.#stopping !== undefined)
      return { ok: false, why: "aborted", tookMs: 0, end: undefined, answer: undefined, lines: [] };
    const result = await service.start();
    if (result.ok) {
      await companions.startProxy(this.#cell.loaded);
      await this.#parts.care.look();
      await this.#keepAsGood();
      this.#beginRounds();
    }
    return result;
  }

  /** Replaces the runtime without refusing a connection, or drains first when two do not fit. */
  restart(progress: Progress = () => {}): Promise<RestartOutcome> {
    return this.#exclusive("restart", async () => {
      const outcome = await this.#parts.service.restart(progress);
      await this.#parts.companions.retry(this.#cell.loaded);
      return outcome;
    });
  }

  /** Takes over what is on disk: the configuration, judged by the new code, and a runtime of the new code and model. */
  upgrade(progress: Progress = () => {}): Promise<RestartOutcome & { readonly version: string }> {
    return this.#exclusive("upgrade", async () => {
      const before = this.#cell.loaded;
      const next = await this.#options.load();
      const plan = planChange(before.config, next.config);
      // New code or a new model under the same configuration needs a new process all the same.
      const effect = plan.effect === "none" || plan.effect === "live" ? "handover" : plan.effect;
      const outcome = await this.#apply(before, next, { ...plan, effect }, { progress, kept: undefined });
      await this.#renderSet(next, { progress, kept: undefined });
      await this.#keepAsGood();
      const version = this.#options.readVersion?.() ?? this.#options.version;
      return { mode: "start", why: undefined, pid: undefined, tookMs: 0, ...outcome, version };
    });
  }

  /** What a reload would do now. Changes nothing. Throws ConfigError when the new configuration is not usable. */
  async plan(): Promise<ReloadPlan> {
    const { companions } = this.#parts;
    const next = await this.#options.load();
    const [prepared, set] = await Promise.all([
      companions.prepare(next, { write: false }),
      companions.renderSet(next, { write: false }),
    ]);
    const files = (set?.changed ?? []).map((path) => join(set?.dir ?? "", path));
    const proxy = companions.planned(prepared);
    return {
      ...planChange(this.config, next.config),
      ...(files.length === 0 ? {} : { files }),
      ...(proxy === undefined ? {} : { proxy }),
    };
  }

  /** Reads the configuration again and applies what changed; an invalid one changes nothing. */
  reload(progress: Progress = () => {}): Promise<ReloadOutcome> {
    return this.#exclusive("reload", () => this.#reload(progress));
  }

  /** `reload` for signals and file changes: waits for a running operation instead of refusing, and reports through events. */
  reloadSoon(reason: string): Promise<void> {
    if (this.#operation === undefined) return this.#reloadNow(reason);
    // One that still waits reads the file later than now: it serves everybody who asked meanwhile.
    this.#waitingReload ??= this.#reloadWhenFree(reason);
    return this.#waitingReload;
  }

  /**
   * Goes back to the last configuration that was healthy: the running one while the file holds another that was not taken
   * over, else the one before it.
   */
  rollback(progress: Progress = () => {}): Promise<ReloadOutcome> {
    return this.#exclusive("rollback", async () => {
      const { path, hash, source } = this.#cell.loaded;
      const present = path === undefined ? undefined : await readFile(path, "utf8").catch(() => undefined);
      const target = (await listGenerations(this.#options.paths.generationsDir)).find(
        (one) =>
          one.path === path &&
          one.source !== undefined &&
          one.source !== present &&
          (present !== source || one.hash !== hash),
      );
      if (target?.source === undefined || path === undefined) {
        throw new GigasttError("GST_NO_GENERATION", "there is no earlier configuration of this file to go back to");
      }
      progress(`going back to the configuration of ${target.at}`);
      if (present !== undefined) await copyFile(path, `${path}.before-rollback`);
      await writeFileAtomic(path, target.source, 0o600);
      const outcome = await this.#reload(progress, target.kept);
      this.#emit({
        level: "warn",
        event: "rolled_back",
        to: target.at,
        generation: target.number,
        effect: outcome.effect,
      });
      return outcome;
    });
  }

  /** Drains and ends everything; `now` (also while a stop is under way) kills. Resolves after the last child is gone. */
  async stop(options: { readonly now?: boolean } = {}): Promise<StopOutcome> {
    if (this.#stopping !== undefined) {
      if (options.now === true) {
        this.#parts.service.process.killNow();
        this.#parts.companions.killNow();
      }
      return this.#stopping;
    }
    for (const timer of this.#timers) clearInterval(timer);
    this.#watcher?.close();
    this.#emit({ level: "info", event: "stopping", now: options.now ?? false });
    this.#stopping = this.#stopAll({ now: options.now ?? false });
    const outcome = await this.#stopping;
    await this.#close();
    this.#finish(outcome.clean ? 0 : 1);
    return outcome;
  }

  /** The proxy drains with the runtime behind it, Redis goes last: the history's last word is in it. */
  async #stopAll(options: { readonly now: boolean }): Promise<StopOutcome> {
    const { service, companions, history } = this.#parts;
    const runtimeStopped = service.process.stop(options);
    const [runtime, proxy] = await Promise.all([runtimeStopped, companions.stopProxy(runtimeStopped, options)]);
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
    await companions.stopRedis(options);
    return outcome;
  }

  status(): StatusReport {
    const operation = this.#operation;
    return buildStatus(this.#parts, {
      options: this.#options,
      cell: this.#cell,
      startedMs: this.#startedMs,
      stopping: this.#stopping !== undefined,
      operation: operation === undefined ? null : { name: operation.name, since: operation.since },
      configTrouble: this.#configTrouble,
      setTrouble: this.#setTrouble,
    });
  }

  // --- reload

  async #reloadWhenFree(reason: string): Promise<void> {
    while (this.#operation !== undefined) await this.#operation.done;
    this.#waitingReload = undefined;
    await this.#reloadNow(reason);
  }

  async #reloadNow(reason: string): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#emit({ level: "info", event: "reload_requested", reason });
    await this.reload().catch(() => {});
  }

  async #reload(progress: Progress, kept?: KeptSets): Promise<ReloadOutcome> {
    const before = this.#cell.loaded;
    try {
      const next = await this.#options.load();
      const plan = planChange(before.config, next.config);
      await this.#apply(before, next, plan, { progress, kept });
      this.#configTrouble = undefined;
      await this.#renderSet(next, { progress, kept });
      await this.#keepAsGood();
      if (plan.effect !== "none")
        this.#emit({
          level: "info",
          event: "reloaded",
          effect: plan.effect,
          keys: plan.changes.map((change) => change.key),
        });
      return { effect: plan.effect, changes: plan.changes, hash: next.hash };
    } catch (error) {
      const code = error instanceof GigasttError ? error.code : "GST_INTERNAL";
      const id =
        code === "GST_CONFIG" ? "config_invalid" : code === "GST_RELOAD_MANUAL" ? "restart_pending" : "config_changed";
      this.#configTrouble = { id, text: messageOf(error) };
      this.#emit({ level: "error", event: "reload_failed", code, reason: messageOf(error) });
      throw error;
    }
  }

  async #apply(
    before: LoadedConfig,
    next: LoadedConfig,
    plan: ConfigPlan,
    how: { readonly progress: Progress; readonly kept: KeptSets | undefined },
  ): Promise<RestartOutcome | undefined> {
    const { progress, kept } = how;
    refuseManual(plan);
    const { service, companions } = this.#parts;
    for (const change of plan.changes)
      progress(`${change.key}: ${JSON.stringify(change.before)} → ${JSON.stringify(change.after)} (${change.class})`);
    // Before anything else: files that the proxy refuses change nothing.
    const must = companions.mustFollow(before.config);
    const prepared: Prepared = await companions.prepare(next, { write: true, kept }).catch((error: unknown) => {
      if (must) throw error;
      return { answer: undefined, place: undefined };
    });
    const live = plan.effect === "live" && service.process.state === "ready";
    try {
      if (live) await this.#takeOverLive(next.config);
      this.#take(next);
      let outcome: RestartOutcome | undefined;
      if (plan.effect === "restart" && service.process.state !== "stopped") outcome = await service.rebind(progress);
      else if (plan.effect !== "none" && !live) outcome = await service.restart(progress);
      await companions.follow(before.config, prepared, progress).catch((error: unknown) => {
        if (must) throw error;
      });
      return outcome;
    } catch (error) {
      this.#take(before);
      const refused = error instanceof GigasttError && error.code === "GST_RELOAD_REFUSED";
      if (!refused) progress("the new configuration is not healthy: back to the old one");
      if (live && !refused) await this.#takeOverLive(before.config).catch(noop);
      if (service.process.state !== "ready") await this.#recoverOld(plan, service, progress);
      await companions.goBack(before, prepared);
      if (!refused) this.#emit({ level: "error", event: "rolled_back", effect: plan.effect, reason: messageOf(error) });
      throw error;
    }
  }

  /** After everything else went well: files for programs that others run are never a reason to go back. */
  async #renderSet(
    loaded: LoadedConfig,
    { progress, kept }: { readonly progress: Progress; readonly kept: KeptSets | undefined },
  ): Promise<void> {
    const { companions, care } = this.#parts;
    this.#setTrouble = undefined;
    try {
      const set = await companions.renderSet(loaded, { write: true, kept });
      for (const path of set?.changed ?? []) progress(`rendered ${join(set?.dir ?? "", path)}`);
      if (set?.failed !== undefined) throw new GigasttError("GST_RENDER", set.failed);
    } catch (error) {
      this.#setTrouble = {
        id: "rendered_failed",
        severity: "warning",
        text: `the rendered files do not follow the configuration: ${messageOf(error)}`,
        cure: "gigastt render",
      };
      progress(this.#setTrouble.text);
    }
    await care.look();
  }

  async #takeOverLive(config: ResolvedConfig): Promise<void> {
    const refused = await this.#parts.service.reload(config);
    if (refused === undefined) return;
    throw new GigasttError(
      "GST_RELOAD_REFUSED",
      `the runtime did not take the new configuration over: ${refused}. The old one stays in force`,
    );
  }

  /** The old runtime is gone (drained first, or the address changed): start it again with the old configuration. */
  async #recoverOld(plan: ConfigPlan, service: Service, progress: Progress): Promise<void> {
    const moved =
      plan.effect === "restart" &&
      (service.listener.port !== this.config.server.port || service.listener.host !== this.config.server.host);
    if (moved && this.config.server.port !== 0)
      await service
        .rebind(progress)
        .catch((error: unknown) => this.#emit({ level: "error", event: "start_failed", reason: messageOf(error) }));
    else await service.start();
  }

  #take(loaded: LoadedConfig): void {
    this.#cell.loaded = loaded;
    this.#cell.loadedAt = new Date().toISOString();
  }

  async #keepAsGood(): Promise<void> {
    const { hash, path, source } = this.#cell.loaded;
    try {
      const kept = await this.#parts.companions.keptSets(this.#cell.loaded);
      const good = { version: this.#options.version, hash, path, source, kept };
      await keepGeneration(this.#options.paths.generationsDir, good);
    } catch (error) {
      this.#emit({ level: "warn", event: "state_write_failed", file: this.#options.paths.generationsDir, err: error });
    }
  }

  // --- rounds

  #beginRounds(): void {
    const { path } = this.#cell.loaded;
    if (path !== undefined) {
      this.#watcher = watchFile(path, CONFIG_POLL_MS, () => {
        if (this.config.supervisor.watchConfig) void this.reloadSoon("the file changed");
        else void this.#noteChange(path);
      });
    }
    const sample = setInterval(() => this.#sample(), this.#options.sampleIntervalMs ?? DEFAULT_SAMPLE_MS);
    sample.unref();
    const look = setInterval(() => void this.#parts.care.look(), LOOK_MS);
    look.unref();
    this.#timers.push(sample, look);
  }

  /** A reload may have been quicker than the look at the file: then nothing is left to apply. */
  async #noteChange(path: string): Promise<void> {
    while (this.#operation !== undefined) await this.#operation.done;
    const text = await readFile(path, "utf8").catch(() => undefined);
    if (text === this.#cell.loaded.source) return;
    this.#configTrouble ??= {
      id: "config_changed",
      text: `${path} changed and is not applied (supervisor.watchConfig is off)`,
    };
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
    this.#samplesAboveLimit = stats.rssBytes > limit ? this.#samplesAboveLimit + 1 : 0;
    const pausedMs = systemClock.monotonicMs() - this.#recycledAtMs;
    if (this.#samplesAboveLimit < SAMPLES_ABOVE_LIMIT || this.#operation !== undefined || pausedMs < RECYCLE_PAUSE_MS)
      return;
    this.#samplesAboveLimit = 0;
    this.#recycledAtMs = systemClock.monotonicMs();
    this.#emit({ level: "warn", event: "memory_limit", rssBytes: stats.rssBytes, limitBytes: limit });
    void this.#exclusive("recycle", () => service.restart(() => {})).catch((error: unknown) => {
      this.#emit({ level: "error", event: "recycle_failed", reason: messageOf(error) });
    });
  }

  #inform(): void {
    const { overall, config, processes, issues } = this.status();
    this.#parts.service.inform({ overall, config: config.hash, restarts: processes[0]?.restarts ?? 0, issues });
  }

  // --- operations and control

  async #exclusive<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (this.#stopping !== undefined)
      throw new GigasttError("GST_STOPPING", "gigastt is stopping: wait for it to end, then start it again");
    if (this.#operation !== undefined) {
      throw new GigasttError(
        "GST_BUSY",
        `a ${this.#operation.name} is under way since ${this.#operation.since}: wait for it (gigastt status)`,
      );
    }
    const result = run();
    this.#operation = { name, since: new Date().toISOString(), done: result.then(noop, noop) };
    try {
      return await result;
    } finally {
      this.#operation = undefined;
    }
  }

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
      case "rollback":
        return this.rollback(progress);
      case "history":
        return this.#parts.history.read(
          Date.now() - (typeof args["sinceMs"] === "number" ? args["sinceMs"] : 3_600_000),
        );
      case "down": {
        const { clean, end } = await this.stop({ now: args["now"] === true });
        return { clean, end: end?.text ?? null };
      }
      case "events":
        return this.#streamEvents(io);
      default:
        throw new GigasttError(
          "GST_CONTROL_COMMAND",
          `there is no control command "${cmd}": use one of ${CONTROL_COMMANDS.join(", ")}`,
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
    await history.settled();
    await Promise.all(Object.values(logs).map((log) => log.close()));
    await claim.release();
    // After the answer to `down` had a turn to leave.
    setTimeout(() => void this.#control?.close(), 20);
  }
}

// ---

function noop(): void {}

function refuseManual(plan: ConfigPlan): void {
  if (plan.effect !== "manual") return;
  throw new GigasttError(
    "GST_RELOAD_MANUAL",
    "supervisor.stateDir cannot change while the supervisor lives in it: gigastt down && gigastt up",
  );
}
