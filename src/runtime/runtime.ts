import { toNodeHandler } from "h3";
import type { ResolvedConfig } from "../config/types.ts";
import type { Engine, ModelInfo } from "../engine/contract.ts";
import { systemClock } from "../shared/time/clock.ts";
import type { Clock } from "../shared/time/clock.ts";
import type { Logger } from "../shared/log.ts";
import type { TlsPair } from "../shared/process/messages.ts";
import { createAdmission } from "./admission/admission.ts";
import { createApp } from "./http/app.ts";
import { createAddressResolver, createProxyCheck } from "./access/client-address.ts";
import { createClientConnections } from "./http/connections/client-connections.ts";
import { createHostPolicy } from "./access/host.ts";
import { defaultTiming } from "./context.ts";
import type { Phase, RuntimeContext, Timing } from "./context.ts";
import { createDrain } from "./lifecycle/drain.ts";
import type { Drain } from "./lifecycle/drain.ts";
import { createExchanges } from "./http/connections/exchanges.ts";
import { attach } from "./http/connections/dispatch.ts";
import { configureServer, createHttpServer } from "./http/server.ts";
import { listenOnLan } from "./http/lan.ts";
import type { LanServer } from "./http/lan.ts";
import { FACES } from "./faces.ts";
import type { FaceName } from "./faces.ts";
import { listenerSpec } from "../shared/listeners.ts";
import { listen } from "./http/listen.ts";
import type { FaceServer, ListenAddress, ListenTarget } from "./http/listen.ts";
import { jobFigures } from "./jobs/figures.ts";
import { keptJob } from "./archive/kept.ts";
import type { Archive } from "./archive/service.ts";
import type { Jobs } from "./jobs/service.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { createKeyCheck, NO_KEYS } from "./access/keys.ts";
import { createRateLimiter } from "./access/rate-limit.ts";
import { notReadyReason } from "./lifecycle/readiness.ts";
import { createSessionRegistry } from "./sessions/registry.ts";
import { createWebSockets } from "./sessions/websocket.ts";
import { upgradesByRoute } from "./sockets.ts";
import type { AskSupervisor } from "./lifecycle/supervisor-link.ts";
import { createSettings } from "./lifecycle/settings.ts";
import { createRequestStats } from "./metrics/stats.ts";
import { NO_TRACING } from "./tracing/trace.ts";
import type { Tracing } from "./tracing/trace.ts";
import { createUploadMemory } from "./http/uploads/upload-memory.ts";
import type { KeyStore } from "../store/keys.ts";

/** The served process without its process: everything between the sockets and the engine. */
export interface Runtime {
  readonly context: RuntimeContext;
  /** Listens at once; work is refused with `initializing` until `start` resolves. */
  listen(target: ListenTarget): Promise<ListenAddress>;
  /** Opens another listener of the table. */
  listenFor(name: FaceName, target: ListenTarget): Promise<ListenAddress>;
  /** Listens with TLS for the home network instead. */
  listenOnLan(target: ListenTarget, tls: TlsPair): Promise<LanServer>;
  /** Takes over live keys; undefined when done, else why not. The configuration is as the supervisor resolved it. */
  reload(config: unknown): string | undefined;
  /** Loads the model. */
  start(): Promise<ModelInfo>;
  readonly drain: Drain;
  /** Frees what would keep the process alive after a drain. */
  release(): void;
}

export interface RuntimeOptions {
  readonly config: ResolvedConfig;
  readonly engine: Engine;
  readonly log: Logger;
  readonly version: string;
  /** Needed with `auth.keys: required`; closed by `release`. */
  readonly keyStore?: KeyStore | undefined;
  /** Undefined while jobs are off. */
  readonly jobs?: Jobs | undefined;
  readonly askSupervisor?: AskSupervisor | undefined;
  /** Undefined while the archive is off. */
  readonly archive?: Archive | undefined;
  /** Default none. */
  readonly tracing?: Tracing;
  readonly clock?: Clock;
  readonly timing?: Partial<Timing>;
}

export function createRuntime(options: RuntimeOptions): Runtime {
  const context = createContext(options);
  const handler = toNodeHandler(createApp(context));
  const sessions = context.sessions;
  const clients = createClientConnections(context);
  const sockets = createWebSockets(context, sessions, upgradesByRoute(context));
  let server = createHttpServer(context, clients, handler, sockets.onUpgrade);
  const faces = new Map<FaceName, FaceServer>();
  const drain = createDrain(context, () => ({ http: server, faces: [...faces.values()].map((face) => face.server) }));
  return {
    context,
    drain,
    listen: (target) => listen(server, target),
    listenFor: async (name, target) => {
      const face = FACES[name](context, clients);
      faces.set(name, face);
      const address = await listen(face.server, target, listenerSpec(name).section);
      face.announce?.(address);
      return address;
    },
    listenOnLan: async (target, tls) => {
      const { headersTimeoutMs } = context.settings.current.server;
      const lan = await listenOnLan({ target, tls, headersTimeoutMs });
      server = lan.server;
      configureServer(server, context);
      attach(server, context, clients, handler, sockets.onUpgrade);
      return lan;
    },
    reload: (config) => {
      const refused = context.settings.reload(config as ResolvedConfig); // validated and resolved by the supervisor
      return refused.length === 0 ? undefined : `needs a new process: ${refused.join(", ")}`;
    },
    start: async () => {
      await context.jobs?.open({
        ...context,
        onPublished: (job, transcripts) => {
          const kept = keptJob(job, transcripts);
          if (kept !== undefined) context.archive?.keep(kept);
        },
      });
      await context.archive?.open(context);
      return options.engine.start();
    },
    release: () => {
      sockets.close();
      for (const face of faces.values()) face.close();
      context.metrics.close();
      context.keys.close();
      context.stats.close();
    },
  };
}

function createContext(options: RuntimeOptions): RuntimeContext {
  const { engine, log, version } = options;
  const clock = options.clock ?? systemClock;
  const settings = createSettings(options.config);
  const admission = createAdmission(() => settings.current.pool, clock);
  const uploads = createUploadMemory(() => {
    const { limits, pool } = settings.current;
    const totalBytes = limits.bodyBytes * pool.size;
    return {
      totalBytes,
      clientBytes: Math.max(limits.bodyBytes, totalBytes / 2),
      clientUploads: Math.max(LEAST_UPLOADS, pool.size + pool.queue),
    };
  });
  const limiter = createRateLimiter(settings.current.rateLimit, clock);
  const { keyStore: store } = options;
  const keys = store === undefined ? NO_KEYS : createKeyCheck({ store, settings: () => settings.current, clock, log });
  const exchanges = createExchanges();
  const sessions = createSessionRegistry(() => settings.current.pool);
  const phase: Phase = { draining: false, handedOver: false, engineIsStuck: false, supervisor: undefined };
  const metrics = createMetrics(
    {
      admission: () => admission,
      engine: () => engine.stats(),
      live: () => engine.liveCapacity(),
      jobs: () => jobFigures(options.jobs, clock),
      archive: () => options.archive?.figures,
      uploadBytes: () => uploads.heldBytes,
      rateBuckets: () => limiter.size,
      sessions: () => sessions.size,
      ready: () => notReadyReason(context) === undefined,
      draining: () => phase.draining,
      model: () => engine.model,
      supervisor: () => phase.supervisor,
    },
    version,
  );
  admission.events.onCheckout = (waitedMs) => metrics.checkout(waitedMs / 1000);
  admission.events.onTimeout = () => metrics.checkoutTimeout();
  admission.events.onSuspend = (kind) => metrics.lent(kind);
  admission.events.onLiveRefused = (reason) => {
    metrics.liveRefused();
    log.warn("live_session_refused", { reason, cure: "fewer sessions, a faster machine, or smaller weights" });
  };
  engine.onInference = (audioS, wallS) => metrics.inference(audioS, wallS);

  let resolveAddress = createAddressResolver(settings.current.server.trustedProxies);
  let isProxy = createProxyCheck(settings.current.server.trustedProxies);
  let isIngress = createProxyCheck(settings.current.server.ingressFrom);
  let allowsHost = createHostPolicy(settings.current);
  let misuseLogged = false;
  settings.onChange((next) => {
    resolveAddress = createAddressResolver(next.server.trustedProxies);
    isProxy = createProxyCheck(next.server.trustedProxies);
    isIngress = createProxyCheck(next.server.ingressFrom);
    allowsHost = createHostPolicy(next);
    limiter.configure(next.rateLimit);
    admission.rebalance();
    log.setLevel(next.log.level);
  });

  const context: RuntimeContext = {
    settings,
    engine,
    admission,
    uploads,
    limiter,
    keys,
    exchanges,
    closing: new Set(),
    sessions,
    stats: createRequestStats(),
    metrics,
    tracing: options.tracing ?? NO_TRACING,
    jobs: options.jobs,
    askSupervisor: options.askSupervisor,
    archive: options.archive,
    log,
    clock,
    version,
    startedAtMs: clock.monotonicMs(),
    createdS: Math.floor(clock.nowMs() / 1000),
    timing: { ...defaultTiming, ...options.timing },
    phase,
    allowsHost: (host) => allowsHost(host),
    isProxy: (peer) => isProxy(peer),
    isIngress: (peer) => isIngress(peer),
    clientOf: (peer, headers) => {
      const client = resolveAddress(peer, headers);
      if (client.appendedForward) {
        metrics.forwardedMisuse();
        if (!misuseLogged) {
          log.warn("forwarded_header_appended", {
            cure: "let the proxy overwrite X-Forwarded-For with the address it sees, never append to it",
          });
        }
        misuseLogged = true;
      }
      return client;
    },
  };
  return context;
}

// ---

/** Of one client at once, on a server without a queue too. More than run and wait would be refused when they are complete. */
const LEAST_UPLOADS = 32;
