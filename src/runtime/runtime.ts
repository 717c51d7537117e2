import type { Server } from "node:http";
import { toNodeHandler } from "h3";
import type { ResolvedConfig } from "../config/types.ts";
import type { Engine, ModelInfo } from "../engine/contract.ts";
import { systemClock } from "../shared/clock.ts";
import type { Clock } from "../shared/clock.ts";
import type { Logger } from "../shared/log.ts";
import { createAdmission } from "./admission.ts";
import { createApp } from "./app.ts";
import { createAddressResolver } from "./client-address.ts";
import { defaultTiming } from "./context.ts";
import type { RuntimeContext, Timing } from "./context.ts";
import { createExchanges } from "./exchanges.ts";
import { createHttpServer } from "./http-server.ts";
import { listen } from "./listen.ts";
import type { ListenAddress, ListenTarget } from "./listen.ts";
import { createMetrics } from "./metrics.ts";
import { createRateLimiter } from "./rate-limit.ts";
import { notReadyReason } from "./readiness.ts";
import { createSettings } from "./settings.ts";
import { createUploadMemory } from "./upload-memory.ts";

/** The served process without its process: everything between the sockets and the engine. */
export interface Runtime {
  readonly context: RuntimeContext;
  readonly server: Server;
  /** Listens at once; work is refused with `initializing` until `start` resolves. */
  listen(target: ListenTarget): Promise<ListenAddress>;
  /** Loads the model. */
  start(): Promise<ModelInfo>;
  /** Ends at once, for tests and for failures during the start. */
  close(): Promise<void>;
}

export interface RuntimeOptions {
  readonly config: ResolvedConfig;
  readonly engine: Engine;
  readonly log: Logger;
  readonly version: string;
  readonly clock?: Clock;
  readonly timing?: Partial<Timing>;
}

export function createRuntime(options: RuntimeOptions): Runtime {
  const context = createContext(options);
  const handler = toNodeHandler(createApp(context));
  const server = createHttpServer(context, handler, (_req, socket) => socket.destroy());
  return {
    context,
    server,
    listen: (target) => listen(server, target),
    start: () => options.engine.start(),
    close: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      await options.engine.close();
      context.metrics.close();
    },
  };
}

function createContext(options: RuntimeOptions): RuntimeContext {
  const { engine, log, version } = options;
  const clock = options.clock ?? systemClock;
  const settings = createSettings(options.config);
  const admission = createAdmission(() => settings.current.pool, clock);
  const uploads = createUploadMemory(() => settings.current.limits.bodyBytes * settings.current.pool.size);
  const limiter = createRateLimiter(settings.current.rateLimit, clock);
  const exchanges = createExchanges();
  const phase = { draining: false };
  const metrics = createMetrics(
    {
      admission: () => admission,
      engine: () => engine.stats(),
      uploadBytes: () => uploads.heldBytes,
      rateBuckets: () => limiter.size,
      sessions: () => 0,
      ready: () => notReadyReason(context) === undefined,
      draining: () => phase.draining,
    },
    version,
  );
  admission.events.onCheckout = (waitedMs) => metrics.checkout(waitedMs / 1000);
  admission.events.onTimeout = () => metrics.checkoutTimeout();
  engine.onInference = (audioS, wallS) => metrics.inference(audioS, wallS);

  let resolveAddress = createAddressResolver(settings.current.server.trustedProxies);
  let misuseLogged = false;
  settings.onChange((next) => {
    resolveAddress = createAddressResolver(next.server.trustedProxies);
    limiter.configure(next.rateLimit);
    log.setLevel(next.log.level);
  });

  const context: RuntimeContext = {
    settings,
    engine,
    admission,
    uploads,
    limiter,
    exchanges,
    metrics,
    log,
    clock,
    version,
    startedAtMs: clock.monotonicMs(),
    createdS: Math.floor(clock.nowMs() / 1000),
    timing: { ...defaultTiming, ...options.timing },
    phase,
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
