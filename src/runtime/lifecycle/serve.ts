import type { ResolvedConfig } from "../../config/types.ts";
import type { Engine, ModelInfo } from "../../engine/contract.ts";
import { GigasttError, messageOf } from "../../shared/errors.ts";
import type { Logger } from "../../shared/log.ts";
import type { DrainReport, TlsPair } from "../../shared/process/messages.ts";
import type { ControlChannel } from "./control-channel.ts";
import { createConfiguredEngine } from "./engine-source.ts";
import { listenersOf } from "../../config/listeners.ts";
import type { ListenerName } from "../../shared/listeners.ts";
import type { ListenAddress, ListenTarget } from "../http/listen.ts";
import { createContainment } from "./contain.ts";
import { obey } from "./control-messages.ts";
import { createArchive } from "../archive/service.ts";
import { createJobs } from "../jobs/service.ts";
import { archivePlace } from "../../store/archive/place.ts";
import { jobPlace } from "../../store/jobs/place.ts";
import { createSupervisorLink } from "./supervisor-link.ts";
import { openTracing } from "../tracing/open-telemetry.ts";
import { systemClock } from "../../shared/time/clock.ts";
import { createRuntime } from "../runtime.ts";
import type { Runtime } from "../runtime.ts";
import { openKeyStore } from "../../store/keys.ts";
import type { KeyStore } from "../../store/keys.ts";
import { keysFile, storeDir } from "../../store/place.ts";
import { readVersion } from "../../shared/version.ts";
import { setTimeout } from "../../shared/time/timers.ts";

/** What of `process` the server listens to. */
export type SignalSource = Pick<NodeJS.EventEmitter, "on" | "off">;

export interface ServeOptions {
  readonly config: ResolvedConfig;
  readonly log: Logger;
  readonly signals: SignalSource;
  /** Listening sockets of another process; instead of the configured addresses. */
  readonly listenFds?: ReadonlyMap<ListenerName, number>;
  /** Certificate for the home network (`server.lan`). */
  readonly tls?: TlsPair | undefined;
  /** The supervisor. */
  readonly control?: ControlChannel;
  /** Another runtime serves on the same socket: load the model before accepting. */
  readonly loadFirst?: boolean;
  /** Where the model is looked for. */
  readonly env: NodeJS.ProcessEnv;
  /** Default: the one the configuration asks for. */
  readonly engine?: Engine;
}

/**
 * Serves until a signal, the supervisor or a failure ends it. Resolves with the exit code: 0 drained in time, 1 failed or something was cut,
 * 2 the configuration asks for something impossible.
 */
export async function serve(options: ServeOptions): Promise<number> {
  const { config, log, control } = options;
  const engine = options.engine ?? createConfiguredEngine(config, options.env, log);
  let keyStore: KeyStore | undefined;
  try {
    keyStore = openKeys(options);
  } catch (error) {
    if (!(error instanceof GigasttError)) throw error;
    log.fatal("start_failed", { code: error.code, reason: error.message });
    return exitCodeOf(error);
  }
  const version = readVersion();
  const tracing = await openTracing({ config: config.tracing, version, clock: systemClock, log });
  const runtime = createRuntime({
    config,
    engine,
    log,
    version,
    tracing,
    keyStore,
    askSupervisor: control === undefined ? undefined : createSupervisorLink(control),
    jobs: config.jobs.enabled ? createJobs(jobPlace(config, options.env)) : undefined,
    archive: config.archive.enabled ? createArchive(archivePlace(config, options.env)) : undefined,
  });
  if (config.server.corsAllowAny) {
    log.warn("cors_allow_any", {
      cure: "any web page may use this server; list origins in server.allowedOrigins instead",
    });
  }
  const stop = createStop(runtime, options);

  control?.onMessage((message) => obey(message, runtime, stop, control));
  control?.onDisconnect(() => stop.begin("supervisor_gone"));
  try {
    const listen = async (): Promise<void> => {
      const address = await listenAsConfigured(runtime, options);
      log.info("listening", { ...address, pid: process.pid });
      await listenForFaces(runtime, options);
      control?.send({ type: "listening", ...address });
    };
    if (options.loadFirst !== true) await listen();
    const model = await Promise.race([startWithin(runtime, config.model.loadTimeoutMs), stop.begun]);
    if (model !== undefined) {
      if (options.loadFirst === true) await listen();
      announce(model, log, control);
    }
  } catch (error) {
    stop.fail(error);
  }
  return stop.finished;
}

/** Fails closed: a store that cannot be opened is an error of the start. */
function openKeys({ config, env }: ServeOptions): KeyStore | undefined {
  if (config.auth.keys === "off") return undefined;
  // The wait for another process blocks this thread: what could not be written is written a second later.
  return openKeyStore(keysFile(storeDir(config, env)), { busyTimeoutMs: BUSY_MS });
}

const BUSY_MS = 200;

interface Stop {
  begin(reason: string): void;
  handOver(limitMs: number): void;
  /** Ends because of an error. */
  fail(error: unknown): void;
  readonly begun: Promise<undefined>;
  readonly finished: Promise<number>;
}

const FATAL_EVENTS = ["uncaughtException", "unhandledRejection"] as const;
const STOP_SIGNALS = ["SIGTERM", "SIGINT"] as const;

function createStop(runtime: Runtime, { signals, log, control, config }: ServeOptions): Stop {
  let failure: unknown;
  let hasBegun = false;
  let tellBegun = (): void => {};
  let finish: (code: number) => void = () => {};
  const begun = new Promise<undefined>((resolve) => {
    tellBegun = () => resolve(undefined);
  });
  const finished = new Promise<number>((resolve) => {
    finish = resolve;
  });

  const end = async (drained: Promise<DrainReport>): Promise<void> => {
    if (hasBegun) return;
    hasBegun = true;
    tellBegun();
    const { drainMs } = runtime.context.settings.current.shutdown;
    control?.send({ type: "draining", deadlineMs: drainMs });
    const report = await drained;
    control?.send({ type: "drained", report });
    for (const signal of STOP_SIGNALS) signals.off(signal, onSignal);
    for (const event of FATAL_EVENTS) signals.off(event, onBug);
    runtime.release();
    await runtime.context.tracing.close();
    await log.flush();
    control?.close();
    if (runtime.context.phase.engineIsStuck) {
      // A worker is inside a native call: a normal exit would abort the process (exit 134, a core dump). Nothing is left to lose.
      process.kill(process.pid, "SIGKILL");
    }
    finish(failure === undefined ? Number(report.cut > 0) : exitCodeOf(failure));
  };

  const begin = (reason: string): void => void end(runtime.drain.begin(reason));
  const fail = (error: unknown): void => {
    failure ??= error;
    const isOurs = error instanceof GigasttError;
    log.fatal(isOurs ? "start_failed" : "bug", isOurs ? { code: error.code, reason: error.message } : { err: error });
    control?.send({ type: "fatal", code: isOurs ? error.code : "GST_BUG", message: messageOf(error) });
    begin("failure");
  };
  const onSignal = (signal: string): void => {
    if (!hasBegun) return begin(signal);
    log.warn("drain_expedited", { signal });
    runtime.drain.expedite();
  };
  const onBug = createContainment(runtime.context, fail);

  for (const signal of STOP_SIGNALS) signals.on(signal, onSignal);
  for (const event of FATAL_EVENTS) signals.on(event, onBug);
  log.debug("limits", { pool: config.pool.size, drain_ms: config.shutdown.drainMs });
  return { begin, handOver: (limitMs) => void end(runtime.drain.handOver(limitMs)), fail, begun, finished };
}

async function listenAsConfigured(
  runtime: Runtime,
  { config, listenFds, tls, log }: ServeOptions,
): Promise<ListenAddress> {
  const { host, port } = config.server;
  const fd = listenFds?.get("http");
  const target = fd === undefined ? { host, port } : { fd };
  if (tls === undefined) return runtime.listen(target);
  const { address, urls } = await runtime.listenOnLan(target, tls);
  if (urls.length > 0) log.info("lan_urls", { urls });
  return address;
}

async function listenForFaces(runtime: Runtime, { config, listenFds, log }: ServeOptions): Promise<void> {
  for (const { name, place } of listenersOf(config)) {
    if (name === "http") continue;
    const fd = listenFds?.get(name);
    if (fd === undefined && "socket" in place) throw new Error(`the unix socket of ${name} comes as a descriptor`);
    const address = await runtime.listenFor(name, fd === undefined ? (place as ListenTarget) : { fd });
    log.info("listening", { listener: name, ...address });
  }
}

async function startWithin(runtime: Runtime, limitMs: number): Promise<ModelInfo> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(
        new GigasttError(
          "GST_MODEL_TIMEOUT",
          `the model did not load within ${limitMs / 1000} s; free memory and disk, or raise model.loadTimeout`,
        ),
      );
    }, limitMs);
  });
  try {
    return await Promise.race([runtime.start(), late]);
  } finally {
    clearTimeout(timer);
  }
}

function announce(model: ModelInfo, log: Logger, control: ControlChannel | undefined): void {
  const { id, name, precision, bundleHash, notice } = model;
  log.info("ready", { model: id, precision, model_hash: bundleHash, ...(notice === undefined ? {} : { notice }) });
  control?.send({ type: "ready", model: { id, name, precision, bundleHash, notice } });
}

function exitCodeOf(error: unknown): number {
  return error instanceof GigasttError ? error.exitCode : 1;
}
