import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { LoadedConfig } from "../config/load.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { systemClock } from "../shared/time/clock.ts";
import type { Answer, Question } from "../shared/process/messages.ts";
import { createUpkeep } from "./status/upkeep.ts";
import type { Upkeep } from "./status/upkeep.ts";
import type { CompanionOptions } from "./companions/companion.ts";
import { claimStateDir } from "./state/claim.ts";
import type { Claim } from "./state/claim.ts";
import { createProxy } from "./companions/proxy.ts";
import type { ManagedProxy } from "./companions/proxy.ts";
import { createRedis, redisSocket } from "./companions/redis.ts";
import type { ManagedRedis } from "./companions/redis.ts";
import { eventLine } from "./logs/event-line.ts";
import type { EventSink, SupervisorEvent } from "./logs/events.ts";
import { createHistory } from "./state/history.ts";
import type { History } from "./state/history.ts";
import { createHooks } from "./helpers/hooks.ts";
import type { Hooks } from "./helpers/hooks.ts";
import { createLogFile } from "./logs/log-file.ts";
import type { LogFile } from "./logs/log-file.ts";
import { createChildRegister, endOrphans } from "./process/orphans.ts";
import type { ChildNote } from "./process/orphans.ts";
import { Service } from "./runtime/service.ts";
import { openStateDir } from "./state/state-dir.ts";
import type { StatePaths } from "./state/state-dir.ts";
import { createRateMeter } from "./status/status.ts";

export interface SupervisorOptions {
  readonly loaded: LoadedConfig;
  /** Reads the configuration again, with the same flags and variables. */
  readonly load: () => Promise<LoadedConfig>;
  readonly paths: StatePaths;
  readonly env: NodeJS.ProcessEnv;
  readonly version: string;
  /** The version on disk, which an upgrade may have changed. */
  readonly readVersion?: () => string;
  /** The runtime child's program; another file in tests. */
  readonly runtimeEntry?: URL;
  /** The program that downloads a model; another file in tests. */
  readonly pullerEntry?: URL;
  /** Every event, for the view. */
  readonly onEvent?: EventSink;
  /** Every line of the runtime's log. */
  readonly onLine?: (line: string) => void;
  /** Between two samples of the history; default a minute. */
  readonly sampleIntervalMs?: number;
}

/** What a supervisor is put together from. */
export interface Parts {
  readonly claim: Claim;
  readonly service: Service;
  readonly proxy: ManagedProxy;
  readonly redis: ManagedRedis;
  readonly upkeep: Upkeep;
  readonly logs: Readonly<Record<"runtime" | "supervisor" | "proxy" | "redis", LogFile>>;
  readonly history: History;
  readonly hooks: Hooks;
  readonly listeners: Set<EventSink>;
  readonly register: ReturnType<typeof createChildRegister>;
  readonly meter: ReturnType<typeof createRateMeter>;
  /** Processes that were cut when their drain took too long. */
  readonly cutDrains: () => number;
}

/** The configuration in force. */
export interface ConfigCell {
  loaded: LoadedConfig;
  loadedAt: string;
}

/** Callbacks set after construction. */
export interface Late {
  onStats?: () => void;
  onAsk?: (question: Question) => Promise<Answer>;
  onServing?: () => void;
}

/** Takes the state folder and the socket, and wires everything. Throws when another process has them. Starts nothing. */
export async function openParts(
  options: SupervisorOptions,
): Promise<{ readonly parts: Parts; readonly cell: ConfigCell; readonly emit: EventSink; readonly late: Late }> {
  const { paths, loaded } = options;
  await openStateDir(paths);
  const claim = await claimStateDir(paths, { configPath: loaded.path, version: options.version });
  const cell: ConfigCell = { loaded, loadedAt: new Date().toISOString() };
  const logOptions = (): { maxBytes: number; keep: number } => {
    const { supervisor } = cell.loaded.config;
    return { maxBytes: supervisor.logFileSizeBytes, keep: supervisor.logFiles };
  };
  const logFile = (name: string): LogFile => createLogFile(join(paths.logsDir, `${name}.log`), logOptions);
  const logs = {
    runtime: logFile("runtime"),
    supervisor: logFile("supervisor"),
    proxy: logFile("proxy"),
    redis: logFile("redis"),
  };
  const listeners = new Set<EventSink>();
  const late: Late = {};
  const history = createHistory(paths.historyDir, () => historyRedis(cell.loaded.config, paths));
  const record = (event: SupervisorEvent): void => {
    logs.supervisor.write(eventLine(event, Date.now()));
    options.onEvent?.(event);
    for (const listener of listeners) listener(event);
  };
  const hooks = createHooks(() => cell.loaded.config.supervisor, record, options.env);
  let cutDrains = 0;
  const emit: EventSink = (event) => {
    record(event);
    if (event.event === "drained" && event["kind"] === "cut") cutDrains++;
    history.event(event);
    hooks.send(event);
    if (event.event === "ready" || event.event === "handed_over") late.onServing?.();
  };
  const register = createChildRegister(paths, emit);
  const children = new Map<string, readonly ChildNote[]>();
  const noteChildren = (name: string, notes: readonly ChildNote[]): void => {
    children.set(name, notes);
    register.note([...children.values()].flat());
  };
  const meter = createRateMeter(systemClock.monotonicMs);
  let service: Service | undefined;
  try {
    await endOrphans(paths, { waitMs: loaded.config.shutdown.drainMs + 5000, emit });
    service = await Service.open({
      config: () => cell.loaded.config,
      env: options.env,
      lanDir: paths.lanDir,
      runtimeEntry: options.runtimeEntry,
      emit,
      onLine: (line) => {
        logs.runtime.write(line);
        options.onLine?.(line);
      },
      onChildren: (notes) => noteChildren("runtime", notes),
      onAsk: async (question) =>
        (await late.onAsk?.(question)) ?? { ok: false, code: "GST_BUSY", message: "gigastt is starting" },
      onStats: (pid, stats) => {
        meter.add(pid, stats);
        late.onStats?.();
      },
    });
    const opened = service;
    const { process: runtime } = opened;
    const version = (): string => options.readVersion?.() ?? options.version;
    const companion = (name: "proxy" | "redis"): CompanionOptions => ({
      env: options.env,
      config: () => cell.loaded.config,
      emit,
      onLine: (line) => logs[name].write(line),
      onChildren: (notes) => noteChildren(name, notes),
      runtimePid: () => runtime.current?.child.pid,
    });
    const redis = createRedis({ ...companion("redis"), paths });
    const proxy = createProxy({
      ...companion("proxy"),
      paths,
      version,
      runtimeReady: () => runtime.state === "ready",
      // Asked each time: the listener may have moved.
      upstreamPort: ({ server }) => (opened.http.inherited || server.port === 0 ? opened.http.port : server.port),
    });
    const upkeep = createUpkeep({
      loaded: () => cell.loaded,
      paths,
      env: options.env,
      version,
      emit,
      servedCertificateEndMs: () => proxy.certificateEndMs(),
      programs: () => [...proxy.programs(), ...redis.programs()],
    });
    return {
      parts: {
        claim,
        service,
        proxy,
        redis,
        upkeep,
        logs,
        history,
        hooks,
        listeners,
        register,
        meter,
        cutDrains: () => cutDrains,
      },
      cell,
      emit,
      late,
    };
  } catch (error) {
    await service?.close();
    await claim.release();
    throw error;
  }
}

// ---

/** The Redis of the history: our own by its socket file, or the configured one. Each state folder has keys of its own. */
function historyRedis(
  { supervisor }: ResolvedConfig,
  paths: StatePaths,
): { readonly kind: "redis"; readonly url: string; readonly base: string } | undefined {
  if (supervisor.history !== "redis") return undefined;
  const url = supervisor.redis.managed ? redisSocket(paths) : supervisor.redis.url;
  if (url === undefined) return undefined;
  const place = createHash("sha256").update(`${hostname()} ${paths.dir}`).digest("hex").slice(0, 12);
  return { kind: "redis", url, base: `gigastt:${place}` };
}
