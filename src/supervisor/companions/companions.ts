import { mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { LoadedConfig } from "../../config/load.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { systemClock } from "../../shared/clock.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import { configuredRestarts } from "../process/restart-policy.ts";
import type { EventSink } from "../logs/events.ts";
import { writeFileAtomic } from "../state/files.ts";
import type { CompanionTrouble } from "../status/issues.ts";
import type { GateResult, ProcessDefinition } from "../process/instance.ts";
import { ManagedProcess } from "../process/managed-process.ts";
import type { ProcessSnapshot, StopOutcome } from "../process/managed-process.ts";
import type { ChildNote } from "../process/orphans.ts";
import type { KeptSets } from "../config/generations.ts";
import { findProgram } from "./find-program.ts";
import { reloadCaddy } from "./proxy-build.ts";
import type { ProxyPlace } from "./proxy-build.ts";
import { createProxyProcess } from "./proxy-process.ts";
import type { ProxyProcess } from "./proxy-process.ts";
import { proxyTrouble } from "./proxy-trouble.ts";
import { createRedisProcess, redisDataDir } from "./redis-process.ts";
import type { RunningProgram } from "./replaced-programs.ts";
import { renderInHelper } from "../helpers/render.ts";
import type { ProxyAnswer, RendererRequest, SetAnswer } from "../helpers/render.ts";
import { readIntact, renderedDir } from "../config/rendered-set.ts";
import { describeFailure } from "../runtime/service.ts";
import { shellWord } from "../../shared/shell-word.ts";
import type { StatePaths } from "../state/state-dir.ts";

export interface CompanionsOptions {
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: () => string;
  readonly config: () => ResolvedConfig;
  readonly emit: EventSink;
  readonly onLine: (process: "proxy" | "redis", line: string) => void;
  readonly onChildren: (process: "proxy" | "redis", children: readonly ChildNote[]) => void;
  readonly runtimeReady: () => boolean;
  readonly runtimePid: () => number | undefined;
  /** Port the runtime is reached at under a configuration. */
  readonly upstreamPort: (config: ResolvedConfig) => number;
}

/** What was rendered for a configuration, before anything was told to use it. */
export interface Prepared {
  readonly answer: ProxyAnswer | undefined;
  readonly place: ProxyPlace | undefined;
}

/**
 * Proxy and Redis beside the runtime: started and stopped in order, restarted by themselves, and never a reason for the
 * runtime to stop.
 */
export class Companions {
  readonly #options: CompanionsOptions;
  readonly #redis: ManagedProcess;
  readonly #proxy: ManagedProcess;
  readonly #front: ProxyProcess;
  #place: ProxyPlace | undefined;
  #redisBinary = "";
  /** When the proxy last read certificates and files. */
  #readFilesAtMs = 0;
  #stopping = false;
  /** Troubles that are no state of a process: no program, files edited or refused. By process. */
  readonly #troubles = new Map<string, CompanionTrouble>();

  constructor(options: CompanionsOptions) {
    this.#options = options;
    const { config, env, runtimePid } = options;
    this.#front = createProxyProcess({
      place: () => {
        if (this.#place === undefined) throw new Error("the proxy has no place yet");
        return this.#place;
      },
      config,
      env,
      runtimeReady: options.runtimeReady,
      runtimePid,
    });
    this.#proxy = this.#manage("proxy", this.#front.definition);
    this.#redis = this.#manage(
      "redis",
      createRedisProcess({
        binary: () => this.#redisBinary,
        socket: redisSocket(options.paths),
        dataDir: redisDataDir(options.paths.dir),
        config,
        env,
        runtimePid,
      }),
    );
  }

  /** Of every process that is configured or still there. */
  snapshots(): readonly ProcessSnapshot[] {
    const { supervisor } = this.#options.config();
    return [
      ...(supervisor.proxy.managed || this.#proxy.instances().length > 0 ? [this.#proxy.snapshot()] : []),
      ...(supervisor.redis.managed || this.#redis.instances().length > 0 ? [this.#redis.snapshot()] : []),
    ];
  }

  troubles(): readonly CompanionTrouble[] {
    const wants = this.#proxy.state !== "ready" && this.#proxy.current !== undefined;
    const found = wants ? proxyTrouble(this.#front.lastLines(30), this.#options.config()) : undefined;
    return [...this.#troubles.values(), ...(found === undefined ? [] : [found])];
  }

  /** Those that serve, with the files they were started from. */
  programs(): readonly RunningProgram[] {
    return [
      { name: "proxy", process: this.#proxy, binary: this.#place?.binary ?? "" },
      { name: "redis", process: this.#redis, binary: this.#redisBinary },
    ].flatMap(({ name, process: { state, current }, binary }) =>
      state === "ready" && current !== undefined
        ? [{ name, binary, startedAtMs: Date.now() - (performance.now() - current.child.startedMonotonicMs) }]
        : [],
    );
  }

  certificateEndMs(): number | undefined {
    return this.#options.config().supervisor.proxy.managed ? this.#front.certificateEndMs() : undefined;
  }

  /** The address clients use, when we run the proxy. */
  publicUrl(): string | undefined {
    const { deploy, supervisor } = this.#options.config();
    if (!supervisor.proxy.managed) return undefined;
    const https = deploy.tls.mode !== "none";
    const port = https ? deploy.httpsPort : deploy.httpPort;
    return `${https ? "https" : "http"}://${deploy.domain ?? "localhost"}${port === (https ? 443 : 80) ? "" : `:${port}`}`;
  }

  /** Before the runtime. Never throws: without Redis the history goes to files. */
  async startRedis(): Promise<void> {
    if (!this.#options.config().supervisor.redis.managed) return;
    await this.#attempt("redis", async () => {
      await this.#findRedis();
      await mkdir(redisDataDir(this.#options.paths.dir), { recursive: true, mode: 0o700 });
      // A stop may have been asked for meanwhile.
      if (!this.#stopping) await this.#redis.keep();
    });
  }

  /** After the runtime. Never throws: the runtime serves without its proxy, and status says what is wrong. */
  async startProxy(loaded: LoadedConfig): Promise<void> {
    if (!loaded.config.supervisor.proxy.managed) return;
    await this.#attempt("proxy", async () => {
      const prepared = await this.prepare(loaded, { write: true });
      this.#place = prepared.place;
      this.#readFilesAtMs = Date.now();
      if (!this.#stopping) await this.#proxy.keep();
    });
  }

  /**
   * Renders the managed proxy's files for a configuration. `write: false` only finds out. Throws when it cannot be rendered, or
   * the proxy refuses it; then the old files are in place. A proxy that does not run anyway is no reason to throw.
   */
  async prepare(
    loaded: LoadedConfig,
    how: { readonly write: boolean; readonly kept?: KeptSets | undefined },
  ): Promise<Prepared> {
    const { config } = loaded;
    if (!config.supervisor.proxy.managed) return { answer: undefined, place: undefined };
    const place = await this.#findProxy(config);
    const dir = proxyDir(this.#options.paths.dir);
    const { proxy: answer } = await renderInHelper({
      ...this.#request(loaded, how),
      proxy: {
        place,
        render: {
          configDir: place.configDir,
          tempDir: join(dir, "tmp"),
          adminSocket: join(dirname(this.#options.paths.controlSocket), "caddy.sock"),
          pidFile: join(dir, "nginx.pid"),
          root: process.getuid?.() === 0,
        },
        upstreamPort: this.#options.upstreamPort(config),
      },
      setDir: undefined,
    });
    if (answer?.refused !== undefined && answer.before.length > 0) {
      throw new GigasttError(
        "GST_PROXY_CONFIG",
        `${place.kind} refuses the rendered files: ${answer.refused}. The old ones stay in force`,
      );
    }
    if (how.write) this.#noteProxyFiles(answer, place);
    return { answer, place };
  }

  /** What following it would mean for the proxy. */
  planned({ answer, place }: Prepared): "start" | "stop" | "reload" | undefined {
    const runs = this.#proxy.state !== "stopped";
    if (place === undefined) return runs ? "stop" : undefined;
    if (!runs || place.kind !== this.#place?.kind || place.binary !== this.#place.binary) return "start";
    return answer?.changed === true ? "reload" : undefined;
  }

  /** Whether a configuration the proxy cannot follow has to be refused: only when that would take a working proxy away. */
  mustFollow(before: ResolvedConfig): boolean {
    return !before.supervisor.proxy.managed || this.#proxy.state === "ready";
  }

  /** The set of `gigastt render` follows the configuration: what is there and was not edited. Undefined when there is none. */
  async renderSet(
    loaded: LoadedConfig,
    how: { readonly write: boolean; readonly kept?: KeptSets | undefined },
  ): Promise<SetAnswer | undefined> {
    const setDir = renderedDir(loaded.path);
    if (setDir === undefined || (await readIntact(setDir)).length === 0) return undefined;
    return (await renderInHelper({ ...this.#request(loaded, how), proxy: undefined, setDir })).set;
  }

  /** The rendered files as they are now, for a generation. */
  async keptSets(loaded: LoadedConfig): Promise<KeptSets> {
    const setDir = renderedDir(loaded.path);
    return {
      proxy:
        this.#place === undefined || !loaded.config.supervisor.proxy.managed
          ? []
          : await readIntact(this.#place.configDir),
      set: setDir === undefined ? [] : await readIntact(setDir),
    };
  }

  /** Brings the processes in line with a configuration that is in force now. Throws when the proxy does not take it over. */
  async follow(before: ResolvedConfig, prepared: Prepared, progress: (text: string) => void): Promise<void> {
    const { supervisor } = this.#options.config();
    const old = this.#place;
    await this.#followRedis(before);
    if (!supervisor.proxy.managed) {
      if (this.#proxy.state !== "stopped") {
        progress("stopping the proxy");
        await this.#proxy.stop();
      }
      this.#troubles.delete("proxy");
      return;
    }
    // It cannot be prepared, and did not run before: a trouble that status shows, not one of this change.
    if (prepared.place === undefined) return;
    const moved = prepared.place.kind !== old?.kind || prepared.place.binary !== old?.binary;
    if (this.#proxy.state === "ready" && !moved) {
      if (prepared.answer?.changed === true || (await this.#certificatesChanged())) await this.#reloadProxy(progress);
      return;
    }
    progress(`starting ${prepared.place.kind}`);
    // With the definition of the old kind: it knows how that one stops.
    if (this.#proxy.instances().length > 0) await this.#proxy.stop();
    this.#place = prepared.place;
    this.#readFilesAtMs = Date.now();
    const result = await this.#proxy.keep();
    if (!result.ok) throw this.#notReady("the proxy", result);
  }

  /** After a reload that failed, with the old configuration in force again: its files and processes too. Never throws. */
  async goBack(before: LoadedConfig, prepared: Prepared): Promise<void> {
    const { answer: files, place } = prepared;
    if (files?.changed === true && place !== undefined && place.kind === before.config.deploy.proxy.kind) {
      for (const { path, text } of files.before) await writeFileAtomic(join(place.configDir, path), text);
      if (this.#proxy.state === "ready" && files.before.length > 0) await this.#reloadProxy(() => {}).catch(() => {});
    }
    if (this.#proxy.state === "ready" && this.#place?.kind === before.config.deploy.proxy.kind) return;
    if (this.#place !== undefined) await this.#proxy.stop();
    await this.startProxy(before);
  }

  /** A person asked for a restart: what waits or gave up is tried again at once. */
  async retry(loaded: LoadedConfig): Promise<void> {
    const { supervisor } = this.#options.config();
    if (supervisor.redis.managed && this.#redis.state !== "ready") await this.startRedis();
    if (supervisor.proxy.managed && this.#proxy.state !== "ready") {
      if (this.#proxy.instances().length > 0) await this.#proxy.stop();
      await this.startProxy(loaded);
    }
  }

  runtimeIs(pid: number | undefined): void {
    this.#front.runtimeIs(pid);
  }

  /**
   * The proxy's part of a stop. nginx takes no new connections from now on and ends when the runtime has ended the last
   * one; Caddy would cut live sessions, so it goes after the runtime.
   */
  async stopProxy(runtimeStopped: Promise<unknown>, options: { readonly now: boolean }): Promise<StopOutcome> {
    this.#stopping = true;
    // Never started: there is nothing that could be asked.
    if (this.#place === undefined) return { clean: true, end: undefined };
    if (!options.now && this.#place.kind !== "nginx") await runtimeStopped;
    return this.#proxy.stop(options);
  }

  /** After the last word was written to the history. */
  stopRedis(options: { readonly now: boolean }): Promise<StopOutcome> {
    this.#stopping = true;
    return this.#redis.stop(options);
  }

  killNow(): void {
    this.#proxy.killNow();
    this.#redis.killNow();
  }

  // ---

  #manage(name: "proxy" | "redis", definition: ProcessDefinition): ManagedProcess {
    const { config, emit, onLine, onChildren } = this.#options;
    const managed: ManagedProcess = new ManagedProcess({
      definition,
      policy: configuredRestarts(config),
      clock: systemClock,
      emit,
      onLine: (line) => onLine(name, line),
      onChildren: () =>
        onChildren(
          name,
          managed
            .instances()
            .flatMap(({ child }) => (child.identity === undefined ? [] : [{ name, ...child.identity }])),
        ),
    });
    return managed;
  }

  async #attempt(name: "proxy" | "redis", start: () => Promise<void>): Promise<void> {
    this.#troubles.delete(name);
    if (this.#stopping) return;
    try {
      await start();
    } catch (error) {
      this.#note(name, error);
      this.#options.emit({ level: "error", event: "start_failed", process: name, reason: messageOf(error) });
    }
  }

  #note(name: "proxy" | "redis", error: unknown): void {
    const code = error instanceof GigasttError ? error.code : "GST_INTERNAL";
    this.#troubles.set(name, {
      id: code === "GST_PROGRAM" ? "program_missing" : "proxy_config",
      text: `${name} does not run: ${messageOf(error)}`,
      cure: code === "GST_PROGRAM" ? `gigastt config explain supervisor.${name}.binary` : "gigastt reload",
    });
  }

  #request(
    loaded: LoadedConfig,
    how: { readonly write: boolean; readonly kept?: KeptSets | undefined },
  ): Omit<RendererRequest, "proxy" | "setDir"> {
    return {
      config: loaded.config,
      source: { toolVersion: this.#options.version(), configHash: loaded.hash },
      write: how.write,
      env: this.#options.env,
      kept: how.kept,
    };
  }

  #noteProxyFiles(answer: ProxyAnswer | undefined, place: ProxyPlace): void {
    this.#troubles.delete("proxy");
    const [first] = answer?.edited ?? [];
    if (first === undefined) return;
    const path = join(place.configDir, first);
    this.#troubles.set("proxy", {
      id: "rendered_edited",
      text: `${path} was edited by hand: the proxy runs with it, and it does not follow the configuration`,
      cure: `rm ${shellWord(path)} && gigastt reload`,
    });
  }

  async #followRedis(before: ResolvedConfig): Promise<void> {
    const { redis } = this.#options.config().supervisor;
    const was = before.supervisor.redis;
    const same = was.managed === redis.managed && was.binary === redis.binary && was.memoryBytes === redis.memoryBytes;
    if (same && (!redis.managed || this.#redis.state === "ready")) return;
    if (this.#redis.state !== "stopped") await this.#redis.stop();
    this.#troubles.delete("redis");
    await this.startRedis();
  }

  /** Renewed certificates keep their names: the proxy learns of them only by a reload. */
  async #certificatesChanged(): Promise<boolean> {
    const { tls } = this.#options.config().deploy;
    if (tls.mode === "none") return false;
    const times = await Promise.all(
      [tls.certificateFile, tls.privateKeyFile, tls.clientCaFile].map((path) =>
        stat(path).then(
          (found) => found.mtimeMs,
          () => 0,
        ),
      ),
    );
    return Math.max(...times) > this.#readFilesAtMs;
  }

  async #reloadProxy(progress: (text: string) => void): Promise<void> {
    const { current } = this.#proxy;
    const place = this.#place;
    if (current === undefined || place === undefined) return;
    progress(`reloading ${place.kind}`);
    if (place.kind === "nginx") current.child.signal("SIGHUP");
    else {
      const refused = await reloadCaddy(place, this.#options.env);
      if (refused !== undefined)
        throw new GigasttError("GST_PROXY_CONFIG", `caddy did not take the new files over: ${refused}`);
    }
    this.#readFilesAtMs = Date.now();
    const answer = await this.#answers(current);
    if (answer !== undefined)
      throw new GigasttError("GST_PROXY_CONFIG", `${place.kind} does not answer with the new files: ${answer}`);
    this.#options.emit({ level: "info", event: "proxy_reloaded", process: "proxy", pid: current.child.pid });
  }

  /** nginx changes over in the background: asks until it answers as configured. Undefined when it does, else what it said last. */
  async #answers(instance: Parameters<ProcessDefinition["gate"]>[0]): Promise<string | undefined> {
    const deadline = performance.now() + RELOAD_CONFIRM_MS;
    for (;;) {
      const answer = await this.#front.definition.gate(instance, false);
      if (answer.ok) return undefined;
      if (performance.now() > deadline || instance.end() !== undefined) return answer.text;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  #notReady(what: string, result: GateResult & { readonly ok: false }): GigasttError {
    const [trouble] = this.troubles();
    return new GigasttError("GST_START_FAILED", trouble?.text ?? describeFailure(result, what));
  }

  async #findProxy(config: ResolvedConfig): Promise<ProxyPlace> {
    const { kind } = config.deploy.proxy;
    // The configuration's own rule refuses that.
    if (kind === "none")
      throw new GigasttError("GST_PROXY_CONFIG", "deploy.proxy.kind is none: there is no proxy to run");
    const binary = await findProgram(
      { binary: config.supervisor.proxy.binary, names: [kind], key: "supervisor.proxy.binary" },
      this.#options.env,
    );
    const dir = proxyDir(this.#options.paths.dir);
    const configDir = join(dir, kind);
    return {
      kind,
      binary,
      configDir,
      mainFile: join(configDir, kind === "caddy" ? "Caddyfile" : "nginx.conf"),
      dataDir: join(dir, "data"),
    };
  }

  async #findRedis(): Promise<void> {
    const { redis } = this.#options.config().supervisor;
    this.#redisBinary = await findProgram(
      { binary: redis.binary, names: ["redis-server", "valkey-server"], key: "supervisor.redis.binary" },
      this.#options.env,
    );
  }
}

/** Everything of the managed proxy: rendered files, its temporary files, certificates. */
export function proxyDir(stateDir: string): string {
  return join(stateDir, "proxy");
}

/** Of the managed Redis. Beside the control socket, whose path is known to be short enough. */
export function redisSocket(paths: StatePaths): string {
  return join(dirname(paths.controlSocket), "redis.sock");
}

const RELOAD_CONFIRM_MS = 8000;
