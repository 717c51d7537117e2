import { publicOrigin } from "./deployment.ts";
import { serverMemoryMiB } from "./memory.ts";
import type { ModelMemory } from "./memory.ts";
import type { PoolConfig, ResolvedConfig } from "./types.ts";
import { SSE_PING_MS } from "../shared/protocol.ts";
import type { RouteSpec } from "../shared/protocol.ts";

/**
 * Every number the rendered files carry, derived from the configuration in one place: templates never compute.
 * Seconds are whole (rounded up), bytes exact. The table of docs/reference/render.md is tested against {@link derivedRows}.
 */
export interface Derived {
  readonly server: {
    /** Proxy keep-alive (30 s) + 35 s, or the configured value when longer. */
    readonly keepAliveTimeoutS: number;
    /** keepAliveTimeout + 5 s, an hour at most. */
    readonly headersTimeoutS: number;
    /** max(300, ceil(body × 8 / (min upload kbit/s × 1000)) + 30). */
    readonly requestTimeoutS: number;
    readonly ssePingS: number;
    /** Public origin of the service; undefined without a domain. */
    readonly publicOrigin: string | undefined;
  };
  readonly proxy: {
    /** = limits.body, in bytes; with jobs at least jobs.upload. */
    readonly bodyBytes: number;
    /** = limits.asrBody, in bytes. */
    readonly asrBodyBytes: number;
    /** idle + 30: the server always closes first, with a code. */
    readonly streamTimeoutS: number;
    /** max(pool checkout + request budget, idle) + 30: nothing flows while a file is transcribed. */
    readonly restReadTimeoutS: number;
    /** The same for routes that hold their requests: max(checkout, hold) + request budget + 30, at least restReadTimeoutS. */
    readonly holdReadTimeoutS: number;
    /** = streamTimeoutS: a pause while the body is sent. */
    readonly restSendTimeoutS: number;
    /** session cap + 15 (cap 0: 3615): a reload never cuts a session. */
    readonly sessionCapS: number;
    readonly keepAliveS: number;
    readonly keepAliveConnections: number;
    readonly dialTimeoutS: number;
    /** How long a client may keep an idle connection to the proxy. */
    readonly clientIdleS: number;
    /** Time an ordinary header may take to arrive. */
    readonly readHeaderS: number;
    /** Pause between two reads of a body. */
    readonly bodyReadS: number;
    readonly healthReadTimeoutS: number;
    /** drain + 5. */
    readonly gracePeriodS: number;
    /** min(10, restart estimate): rides over a restart of the server. */
    readonly tryDurationS: number;
    /** min(pool size, sessions per client). */
    readonly connectionsPerClient: number;
    readonly ratePerMinute: number;
    readonly rateBurst: number;
    /** max(1024, 4 × (pool + queue)). */
    readonly workerConnections: number;
    /** 300 on trial, two years when on, 0 = no header. */
    readonly hstsMaxAgeS: number;
    /** drain + 10. */
    readonly unitStopS: number;
  };
  readonly unit: {
    /** drain + 5 + 5 (the supervisor's kill); a managed proxy + 5, a managed Redis + 10. */
    readonly stopS: number;
    /** model load timeout + supervisor start timeout + 10; a managed proxy or Redis + 15 each. */
    readonly startS: number;
    readonly watchdogS: number;
    /** Twice serverMemoryMiB: a hand-over runs the old and the new server side by side. A managed proxy + 256, a managed Redis + twice its memory. */
    readonly memoryMiB: number;
  };
  readonly compose: {
    /** ceil5(drain + 5) + 5. */
    readonly appStopS: number;
    /** drain + 20. */
    readonly proxyStopS: number;
    /** = model load timeout. */
    readonly healthStartS: number;
    readonly memoryMiB: number;
  };
  /** PostgreSQL in the compose overlay scale: the usual shares of its memory limit. */
  readonly postgres: {
    /** = deploy.compose.postgresMemory. */
    readonly memoryMiB: number;
    /** A quarter. */
    readonly sharedBuffersMiB: number;
    /** Three quarters: what the page cache of its container can hold. */
    readonly effectiveCacheMiB: number;
    /** max(4, memory / 200): all 100 connections sorting at once take half. */
    readonly workMemMiB: number;
    /** memory / 16, from 32 to 1024. */
    readonly maintenanceMiB: number;
  };
  /** base + 16 × pool + body × pool + what asrBody has more than body, in steps of 256: one server, see `serverMemoryMiB`. */
  readonly serverMemoryMiB: number;
  /** ceil(body × pool / 1 MiB) + 56: uploads in flight plus slack, for tmpfs and emptyDir. */
  readonly tmpMiB: number;
  readonly kubernetes: {
    readonly preStopS: number;
    /** requestTimeout + restReadTimeout: a route's limit covers the upload and the transcription. */
    readonly restRouteS: number;
    /** ceil5(preStop + drain + 5) + 5. */
    readonly graceS: number;
    /** = compose.appStopS: a worker hands its jobs back within the drain. */
    readonly workerGraceS: number;
    /** speed of a worker × accepted wait: waiting audio of one worker. */
    readonly audioPerWorkerS: number;
    /** ceil(model load timeout / 5): probes every 5 s. */
    readonly startupFailures: number;
    /** max(600, model load timeout + 300). */
    readonly progressDeadlineS: number;
    /** max(600, session cap / 6), at most the hour that Kubernetes allows. */
    readonly scaleDownStabilizationS: number;
    /** max(60, drain), at most the half hour that Kubernetes allows. */
    readonly scaleDownPeriodS: number;
    readonly memoryMiB: number;
  };
}

/** Room for Caddy or nginx as a child, MiB. */
export const MANAGED_PROXY_MEMORY_MIB = 256;
/** Time a server has after the drain to close its socket, stop its workers and exit, before it is killed. */
export const FORCE_CLOSE_MARGIN_MS = 5000;
/** Time a managed proxy or Redis has to start. */
export const COMPANION_START_MS = 15_000;
/** From the stop request to SIGKILL, once nothing is behind the proxy any more. */
export const PROXY_STOP_MS = 5000;
/** Redis saves its data before it exits. */
export const REDIS_STOP_MS = 10_000;
export const PROXY_KEEP_ALIVE_S = 30;
export const PROBE_PERIOD_S = 5;
export const HSTS_TRIAL_S = 300;
export const HSTS_ON_S = 63_072_000;
/** Session cap assumed where "never" is configured but a proxy needs a number. */
export const UNCAPPED_SESSION_S = 3600;
/** A restart of the server as a proxy sees it: seconds until the port answers again. */
export const RESTART_ESTIMATE_S = 5;

/** Returns all derived settings of a configuration. Pure. With the installed model, memory is that model's instead of the largest known one's. */
export function derive(config: ResolvedConfig, installed?: ModelMemory): Derived {
  const { deploy, limits, pool, session, supervisor } = config;
  const idleS = seconds(session.idleTimeoutMs);
  const capS = session.maxDurationMs === 0 ? UNCAPPED_SESSION_S : seconds(session.maxDurationMs);
  const drainS = seconds(config.shutdown.drainMs);
  const loadS = seconds(config.model.loadTimeoutMs);
  const preStopS = seconds(deploy.kubernetes.preStopMs);
  const keepAliveTimeoutS = Math.max(PROXY_KEEP_ALIVE_S + 35, seconds(config.server.keepAliveTimeoutMs));
  const streamTimeoutS = idleS + 30;
  const restReadTimeoutS = Math.max(
    seconds(pool.checkoutTimeoutMs) + seconds(limits.requestBudgetMs) + 30,
    streamTimeoutS,
  );
  const requestTimeoutS = requestTimeoutMs(config) / 1000;
  const serverMiB = serverMemoryMiB(config, installed);
  const forceCloseS = seconds(FORCE_CLOSE_MARGIN_MS);
  const limited = deploy.limiter === "proxy" && config.rateLimit.perMinute > 0;
  return {
    server: {
      keepAliveTimeoutS,
      headersTimeoutS: Math.min(3600, keepAliveTimeoutS + 5),
      requestTimeoutS,
      ssePingS: SSE_PING_MS / 1000,
      publicOrigin: publicOrigin(config),
    },
    proxy: {
      bodyBytes: largestBodyBytes(config),
      asrBodyBytes: limits.asrBodyBytes,
      streamTimeoutS,
      restReadTimeoutS,
      holdReadTimeoutS: Math.max(restReadTimeoutS, seconds(longestWaitMs(pool)) + seconds(limits.requestBudgetMs) + 30),
      restSendTimeoutS: streamTimeoutS,
      sessionCapS: capS + 15,
      keepAliveS: PROXY_KEEP_ALIVE_S,
      keepAliveConnections: Math.max(16, pool.size * 2),
      dialTimeoutS: 2,
      clientIdleS: 300,
      readHeaderS: 15,
      bodyReadS: 60,
      healthReadTimeoutS: 5,
      gracePeriodS: drainS + forceCloseS,
      tryDurationS: Math.min(10, RESTART_ESTIMATE_S),
      // The overlay for a small box has two slots at most.
      connectionsPerClient: Math.max(
        1,
        Math.min(pool.size, deploy.sessionsPerClient, deploy.compose.overlays.includes("edge") ? 2 : Infinity),
      ),
      ratePerMinute: limited ? config.rateLimit.perMinute : 0,
      rateBurst: limited ? config.rateLimit.burst : 0,
      workerConnections: Math.max(1024, 4 * (pool.size + pool.queue)),
      hstsMaxAgeS: hstsMaxAgeS(config),
      unitStopS: drainS + 10,
    },
    unit: {
      stopS:
        drainS +
        forceCloseS +
        5 +
        (supervisor.proxy.managed ? seconds(PROXY_STOP_MS) : 0) +
        (supervisor.redis.managed ? seconds(REDIS_STOP_MS) : 0),
      startS:
        loadS +
        seconds(supervisor.startTimeoutMs) +
        10 +
        (supervisor.proxy.managed ? seconds(COMPANION_START_MS) : 0) +
        (supervisor.redis.managed ? seconds(COMPANION_START_MS) : 0),
      watchdogS: 60,
      memoryMiB:
        2 * serverMiB +
        (supervisor.proxy.managed ? MANAGED_PROXY_MEMORY_MIB : 0) +
        (supervisor.redis.managed ? Math.ceil((2 * supervisor.redis.memoryBytes) / 2 ** 20) : 0),
    },
    compose: {
      appStopS: ceil5(drainS + forceCloseS) + 5,
      proxyStopS: drainS + 20,
      healthStartS: loadS,
      memoryMiB: limitMiB(deploy.compose.memoryBytes, serverMiB),
    },
    postgres: postgresOf(Math.floor(deploy.compose.postgresMemoryBytes / 2 ** 20)),
    serverMemoryMiB: serverMiB,
    tmpMiB: Math.ceil((limits.bodyBytes * pool.size) / 2 ** 20) + 56,
    kubernetes: {
      preStopS,
      restRouteS: requestTimeoutS + restReadTimeoutS,
      graceS: ceil5(preStopS + drainS + forceCloseS) + 5,
      workerGraceS: ceil5(drainS + forceCloseS) + 5,
      audioPerWorkerS: Math.max(1, Math.round(deploy.kubernetes.workerSpeed * (deploy.kubernetes.workerWaitMs / 1000))),
      startupFailures: Math.ceil(loadS / PROBE_PERIOD_S),
      progressDeadlineS: Math.max(600, loadS + 300),
      scaleDownStabilizationS: Math.min(3600, Math.max(600, Math.ceil(capS / 6))),
      scaleDownPeriodS: Math.min(1800, Math.max(60, drainS)),
      memoryMiB: limitMiB(deploy.kubernetes.memoryBytes, serverMiB),
    },
  };
}

/** Returns how long a request of a route that holds its requests may wait in the queue. */
export function longestWaitMs(pool: Pick<PoolConfig, "checkoutTimeoutMs" | "holdTimeoutMs">): number {
  return Math.max(pool.checkoutTimeoutMs, pool.holdTimeoutMs);
}

/** Returns the largest body of a route. */
export function bodyBytesOf({ bodyLimit }: RouteSpec, limits: ResolvedConfig["limits"]): number {
  return bodyLimit === "asrBody" ? limits.asrBodyBytes : limits.bodyBytes;
}

/** Returns how many connections, or requests behind a trusted proxy, one client may have open. */
export function connectionsPerClient({ limits, pool }: Pick<ResolvedConfig, "limits" | "pool">): number {
  if (limits.connectionsPerClient !== "auto") return limits.connectionsPerClient;
  return Math.max(64, 4 * (pool.size + pool.queue));
}

/** Returns the longest time a whole request may take to arrive: the largest body at the slowest rate, and never less than 5 minutes. */
export function requestTimeoutMs(config: Pick<ResolvedConfig, "limits" | "jobs">): number {
  const { limits } = config;
  return Math.max(300, Math.ceil((largestBodyBytes(config) * 8) / (limits.minUploadKbps * 1000)) + 30) * 1000;
}

/** Returns the largest body that some route takes. */
export function largestBodyBytes({ limits, jobs }: Pick<ResolvedConfig, "limits" | "jobs">): number {
  return jobs.enabled ? Math.max(limits.bodyBytes, jobs.uploadBytes) : limits.bodyBytes;
}

// ---

function postgresOf(memoryMiB: number): Derived["postgres"] {
  return {
    memoryMiB,
    sharedBuffersMiB: Math.floor(memoryMiB / 4),
    effectiveCacheMiB: Math.floor((memoryMiB * 3) / 4),
    workMemMiB: Math.max(4, Math.floor(memoryMiB / 200)),
    maintenanceMiB: Math.min(1024, Math.max(32, Math.floor(memoryMiB / 16))),
  };
}

function limitMiB(configuredBytes: number | undefined, computedMiB: number): number {
  return configuredBytes === undefined ? computedMiB : Math.ceil(configuredBytes / 2 ** 20);
}

function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}

function ceil5(value: number): number {
  return Math.ceil(value / 5) * 5;
}

function hstsMaxAgeS(config: ResolvedConfig): number {
  const { tls } = config.deploy;
  if (tls.mode === "none" || tls.hsts === "off") return 0;
  return tls.hsts === "trial" ? HSTS_TRIAL_S : HSTS_ON_S;
}
