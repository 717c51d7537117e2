import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { LoadedConfig } from "../config/load.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { systemClock } from "../shared/clock.ts";
import { entryFile, installationRoot } from "../shared/entry.ts";
import { GigasttError } from "../shared/errors.ts";
import { createLogger } from "../shared/log.ts";
import { createRestartPolicy } from "./backoff.ts";
import { claimStateDir } from "./claim.ts";
import type { Claim } from "./claim.ts";
import { openControlServer } from "./control-server.ts";
import type { ControlServer } from "./control-server.ts";
import type { SupervisorEvent } from "./events.ts";
import type { GateResult } from "./instance.ts";
import { findIssues } from "./issues.ts";
import { bindListener, inheritedListener } from "./listener.ts";
import type { Listener } from "./listener.ts";
import { createLogFile } from "./log-file.ts";
import type { LogFile } from "./log-file.ts";
import { ManagedProcess } from "./managed-process.ts";
import type { StopOutcome } from "./managed-process.ts";
import { availableMemoryBytes, residentBytes } from "./memory.ts";
import { createChildRegister, endOrphans } from "./orphans.ts";
import { connectableHost } from "./probe.ts";
import { createRuntimeProcess } from "./runtime-process.ts";
import type { RuntimeProcess } from "./runtime-process.ts";
import { openStateDir } from "./state-dir.ts";
import type { StatePaths } from "./state-dir.ts";
import { createRateMeter } from "./status.ts";
import type { StatusReport } from "./status.ts";

export interface SupervisorOptions {
  readonly loaded: LoadedConfig;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** The runtime child's program; another file in tests. */
  readonly runtimeEntry?: URL;
  /** Every event, for the view. */
  readonly onEvent?: (event: SupervisorEvent) => void;
  /** Every line of the runtime's log. */
  readonly onLine?: (line: string) => void;
}

/** How a restart was done. */
export interface RestartOutcome {
  /** `handover`: the new runtime served before the old one stopped. `stop_start`: drained first, then started. */
  readonly mode: "handover" | "stop_start" | "start";
  /** Why no hand-over was possible. */
  readonly why: string | undefined;
  readonly pid: number | undefined;
  readonly tookMs: number;
}

const LOG_MAX_BYTES = 10 * 1024 * 1024;
const LOG_KEEP = 5;
/** A second runtime needs what the first one has, and some room. */
const HANDOVER_SPARE_BYTES = 64 * 1024 * 1024;

/** The supervisor: owns the state directory, the listening socket, the control socket and the runtime process. */
export class Supervisor {
  readonly #options: SupervisorOptions;
  readonly #claim: Claim;
  readonly #listener: Listener;
  readonly #runtime: RuntimeProcess;
  readonly #process: ManagedProcess;
  readonly #logs: { readonly runtime: LogFile; readonly supervisor: LogFile };
  readonly #meter = createRateMeter(systemClock.monotonicMs);
  readonly #listeners = new Set<(event: SupervisorEvent) => void>();
  readonly #emit: (event: SupervisorEvent) => void;
  readonly #register: ReturnType<typeof createChildRegister>;
  readonly #startedMs = Date.now();
  #control: ControlServer | undefined;
  #loaded: LoadedConfig;
  #loadedAt = new Date().toISOString();
  #operation: { readonly name: string; readonly since: string } | undefined;
  #stopping: Promise<StopOutcome> | undefined;
  #finish: (code: number) => void = () => {};
  /** Resolves with the exit code once `stop` is through. */
  readonly finished: Promise<number> = new Promise((resolve) => {
    this.#finish = resolve;
  });

  private constructor(
    options: SupervisorOptions,
    parts: { claim: Claim; listener: Listener; logs: { runtime: LogFile; supervisor: LogFile } },
  ) {
    this.#options = options;
    this.#loaded = options.loaded;
    this.#claim = parts.claim;
    this.#listener = parts.listener;
    this.#logs = parts.logs;
    const log = createLogger({
      level: "debug",
      stream: { write: (line) => parts.logs.supervisor.write(line.trimEnd()) },
    });
    this.#emit = (event) => {
      const { level, event: name, ...fields } = event;
      log[level](name, fields);
      options.onEvent?.(event);
      for (const listener of this.#listeners) listener(event);
    };
    this.#register = createChildRegister(options.paths, this.#emit);
    this.#runtime = createRuntimeProcess({
      entry: () => options.runtimeEntry ?? entryFile("runtime/child"),
      config: () => this.#loaded.config,
      listener: () => this.#listener,
      env: options.env,
      cwd: fileURLToPath(installationRoot()),
      onStats: (instance, stats) => this.#meter.add(instance.child.pid, stats),
    });
    const { supervisor } = options.loaded.config;
    this.#process = new ManagedProcess({
      definition: this.#runtime.definition,
      policy: createRestartPolicy(
        {
          delayMinMs: supervisor.restartDelayMinMs,
          delayMaxMs: supervisor.restartDelayMaxMs,
          limit: supervisor.crashLimit,
          windowMs: supervisor.crashWindowMs,
        },
        systemClock,
        Math.random,
      ),
      clock: systemClock,
      emit: this.#emit,
      onLine: (line) => {
        parts.logs.runtime.write(line);
        options.onLine?.(line);
      },
      onChildren: () => this.#noteChildren(),
    });
  }

  /** Takes the state directory and the socket. Throws when another supervisor or program has them. Starts nothing yet. */
  static async open(options: SupervisorOptions): Promise<Supervisor> {
    await openStateDir(options.paths);
    const claim = await claimStateDir(options.paths, { configPath: options.loaded.path, version: options.version });
    const logs = {
      runtime: createLogFile(join(options.paths.logsDir, "runtime.log"), { maxBytes: LOG_MAX_BYTES, keep: LOG_KEEP }),
      supervisor: createLogFile(join(options.paths.logsDir, "supervisor.log"), {
        maxBytes: LOG_MAX_BYTES,
        keep: LOG_KEEP,
      }),
    };
    let listener: Listener | undefined;
    try {
      const { server, shutdown } = options.loaded.config;
      await endOrphans(options.paths, { waitMs: shutdown.drainMs + 5000, emit: (event) => options.onEvent?.(event) });
      listener = inheritedListener(options.env) ?? (await bindListener(server.host, server.port));
      const supervisor = new Supervisor(options, { claim, listener, logs });
      supervisor.#control = await openControlServer(options.paths.controlSocket, (request, io) =>
        supervisor.#answer(request.cmd, request.args ?? {}, io),
      );
      return supervisor;
    } catch (error) {
      listener?.close();
      await claim.release();
      throw error;
    }
  }

  get url(): string {
    const host = connectableHost(this.#listener.host);
    return `http://${host.includes(":") ? `[${host}]` : host}:${this.#listener.port}`;
  }

  get config(): ResolvedConfig {
    return this.#loaded.config;
  }

  /** Starts the runtime and waits for its gate. */
  start(): Promise<GateResult> {
    return this.#process.start();
  }

  /** Replaces the runtime without refusing a connection, or drains first when two do not fit. */
  restart(options: { readonly onProgress?: (text: string) => void } = {}): Promise<RestartOutcome> {
    return this.#exclusive("restart", () => this.#restart(options.onProgress ?? (() => {})));
  }

  /** Drains and ends everything; `now` (also while a stop is under way) kills. Resolves after the last child is gone. */
  async stop(options: { readonly now?: boolean } = {}): Promise<StopOutcome> {
    if (this.#stopping !== undefined) {
      if (options.now === true) this.#process.killNow();
      return this.#stopping;
    }
    this.#emit({ level: "info", event: "stopping", now: options.now ?? false });
    this.#stopping = this.#process.stop(options);
    const outcome = await this.#stopping;
    this.#emit({
      level: outcome.clean ? "info" : "warn",
      event: "stopped",
      clean: outcome.clean,
      end: outcome.end?.text,
    });
    await this.#close();
    this.#finish(outcome.clean ? 0 : 1);
    return outcome;
  }

  status(): StatusReport {
    const current = this.#process.current;
    const facts = current === undefined ? undefined : this.#runtime.facts(current);
    const processes = [this.#process.snapshot()];
    const issues = findIssues({
      processes,
      logTrouble: this.#logs.runtime.trouble() ?? this.#logs.supervisor.trouble(),
      modelNotice: facts?.model?.notice,
      logsDir: this.#options.paths.logsDir,
      nowMs: Date.now(),
    });
    return {
      format: 1,
      overall: this.#overall(issues.length),
      supervisor: {
        pid: process.pid,
        version: this.#options.version,
        node: process.version,
        startedAt: new Date(this.#startedMs).toISOString(),
        uptimeS: Math.round(process.uptime()),
        rssBytes: process.memoryUsage.rss(),
        stateDir: this.#options.paths.dir,
      },
      service: {
        url: this.url,
        host: this.#listener.host,
        port: this.#listener.port,
        activated: this.#listener.inherited,
      },
      config: { path: this.#loaded.path ?? null, hash: this.#loaded.hash, loadedAt: this.#loadedAt },
      processes,
      model: facts?.model ?? null,
      runtime: facts?.stats ?? null,
      rates: this.#meter.rates(),
      operation: this.#operation ?? null,
      issues,
    };
  }

  // ---

  async #restart(progress: (text: string) => void): Promise<RestartOutcome> {
    const started = performance.now();
    const outcome = (mode: RestartOutcome["mode"], why?: string): RestartOutcome => ({
      mode,
      why,
      pid: this.#process.current?.child.pid,
      tookMs: Math.round(performance.now() - started),
    });
    if (this.#process.state !== "ready") {
      progress("starting the runtime");
      if (this.#process.instances().length > 0) await this.#process.stop();
      throwUnlessReady(await this.#process.start());
      return outcome("start");
    }
    const obstacle = await this.#handoverObstacle();
    if (obstacle !== undefined) {
      progress(`no hand-over: ${obstacle}. Draining first; new connections wait meanwhile`);
      await this.#process.stop();
      throwUnlessReady(await this.#process.start());
      return outcome("stop_start", obstacle);
    }
    progress("starting a second runtime beside the first");
    const result = await this.#process.handOver({
      limitMs: this.config.shutdown.drainMs + 5000,
      onServing: () => progress("the new runtime serves; the old one drains"),
    });
    throwUnlessReady(result, "The old runtime goes on serving.");
    return outcome("handover");
  }

  /** Why two runtimes cannot live side by side for a moment; undefined when they can. */
  async #handoverObstacle(): Promise<string | undefined> {
    const pid = this.#process.current?.child.pid;
    const needed = (pid === undefined ? undefined : await residentBytes(pid)) ?? 0;
    const available = await availableMemoryBytes();
    if (available >= needed + HANDOVER_SPARE_BYTES) return undefined;
    const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`;
    return `a second runtime needs about ${mib(needed)}, ${mib(available)} are available`;
  }

  async #exclusive<T>(name: string, run: () => Promise<T>): Promise<T> {
    if (this.#stopping !== undefined)
      throw new GigasttError("GST_STOPPING", "gigastt is stopping: wait for it to end, then start it again");
    if (this.#operation !== undefined) {
      throw new GigasttError(
        "GST_BUSY",
        `a ${this.#operation.name} is under way since ${this.#operation.since}: wait for it (gigastt status)`,
      );
    }
    this.#operation = { name, since: new Date().toISOString() };
    try {
      return await run();
    } finally {
      this.#operation = undefined;
    }
  }

  #overall(issueCount: number): StatusReport["overall"] {
    if (this.#stopping !== undefined) return "stopping";
    switch (this.#process.state) {
      case "ready":
        return issueCount > 0 ? "degraded" : "ok";
      case "starting":
        return this.#process.snapshot().restarts > 0 ? "restarting" : "starting";
      case "waiting":
      case "unresponsive":
        return "restarting";
      default:
        return "down";
    }
  }

  async #answer(
    cmd: string,
    args: Readonly<Record<string, unknown>>,
    io: { readonly event: (event: unknown) => void; readonly signal: AbortSignal },
  ): Promise<unknown> {
    switch (cmd) {
      case "status":
        return this.status();
      case "restart":
        return this.restart({ onProgress: (text) => io.event({ progress: text }) });
      case "down": {
        const { clean, end } = await this.stop({ now: args["now"] === true });
        return { clean, end: end?.text ?? null };
      }
      case "events":
        return this.#streamEvents(io);
      default:
        throw new GigasttError(
          "GST_CONTROL_COMMAND",
          `there is no control command "${cmd}": use status, restart, down or events`,
        );
    }
  }

  #streamEvents(io: { readonly event: (event: unknown) => void; readonly signal: AbortSignal }): Promise<null> {
    return new Promise((resolve) => {
      this.#listeners.add(io.event);
      io.signal.addEventListener("abort", () => {
        this.#listeners.delete(io.event);
        resolve(null);
      });
    });
  }

  #noteChildren(): void {
    const name = this.#runtime.definition.name;
    this.#register.note(
      this.#process
        .instances()
        .flatMap(({ child }) => (child.identity === undefined ? [] : [{ name, ...child.identity }])),
    );
  }

  async #close(): Promise<void> {
    this.#listener.close();
    await this.#register.settled();
    await Promise.all([this.#logs.runtime.close(), this.#logs.supervisor.close()]);
    await this.#claim.release();
    // After the answer to `down` had a turn to leave.
    setTimeout(() => void this.#control?.close(), 20);
  }
}

// ---

function throwUnlessReady(result: GateResult, note = ""): void {
  if (result.ok) return;
  throw new GigasttError("GST_START_FAILED", `${describeFailure(result)}${note === "" ? "" : ` ${note}`}`);
}

/** Why a start failed, in one sentence. */
export function describeFailure(result: GateResult & { readonly ok: false }): string {
  const seconds = `${Math.round(result.tookMs / 100) / 10} s`;
  if (result.why === "exited") return `the runtime ended before it was ready: ${result.end?.text ?? "no reason known"}`;
  if (result.why === "aborted") return "the start was cancelled";
  return `the runtime was not ready within ${seconds}; last answer: ${result.answer?.text ?? "none"}`;
}
