import { formatBytes, formatDuration } from "../shared/units.ts";
import { isLoopback, networkOf } from "./formats.ts";
import { DEPLOY_RULES } from "./cross-deploy.ts";
import type { CrossFinding, CrossRule } from "./cross-rule.ts";

/** Rules that no single key's schema can say. Errors first, then what is legal but odd. */
export const CROSS_RULES: readonly CrossRule[] = [
  ...DEPLOY_RULES,
  {
    severity: "error",
    says: "A host other than loopback needs `server.allowBindAny`.",
    keys: ["server.host", "server.allowBindAny"],
    check: ({ server }) =>
      isLoopback(server.host) || server.allowBindAny
        ? undefined
        : {
            rule: "must be a loopback address while server.allowBindAny is false",
            found: `"${server.host}"`,
            cure: "set server.allowBindAny: true if a firewall or proxy stands in front, or host: 127.0.0.1",
          },
  },
  {
    severity: "error",
    says: "`server.keepAliveTimeout` is shorter than `server.headersTimeout`.",
    keys: ["server.keepAliveTimeout", "server.headersTimeout"],
    check: ({ server }) =>
      server.keepAliveTimeoutMs < server.headersTimeoutMs
        ? undefined
        : {
            rule: "must be shorter than server.headersTimeout",
            found: `${formatDuration(server.keepAliveTimeoutMs)} against ${formatDuration(server.headersTimeoutMs)}`,
            cure: `set headersTimeout to ${formatDuration(server.keepAliveTimeoutMs + 5000)} or lower keepAliveTimeout`,
          },
  },
  {
    severity: "error",
    says: "`server.corsAllowAny` and a list in `server.allowedOrigins` exclude each other.",
    keys: ["server.corsAllowAny", "server.allowedOrigins"],
    check: ({ server }) =>
      server.corsAllowAny && server.allowedOrigins.length > 0
        ? {
            rule: "must be false when server.allowedOrigins lists origins",
            found: "true",
            cure: "keep the list and delete corsAllowAny, or empty the list if every page may call",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`stream.partialIntervalMin` is at most `stream.partialIntervalMax`.",
    keys: ["stream.partialIntervalMin", "stream.partialIntervalMax"],
    check: ({ stream }) =>
      minMax(
        "stream.partialIntervalMax",
        "partialIntervalMin",
        stream.partialIntervalMinMs,
        stream.partialIntervalMaxMs,
      ),
  },
  {
    severity: "error",
    says: "`supervisor.restartDelayMin` is at most `supervisor.restartDelayMax`.",
    keys: ["supervisor.restartDelayMin", "supervisor.restartDelayMax"],
    check: ({ supervisor }) =>
      minMax(
        "supervisor.restartDelayMax",
        "restartDelayMin",
        supervisor.restartDelayMinMs,
        supervisor.restartDelayMaxMs,
      ),
  },
  {
    severity: "error",
    says: "`supervisor.healthTimeout` is at most `supervisor.healthInterval`.",
    keys: ["supervisor.healthTimeout", "supervisor.healthInterval"],
    check: ({ supervisor }) =>
      minMax("supervisor.healthInterval", "healthTimeout", supervisor.healthTimeoutMs, supervisor.healthIntervalMs),
  },
  {
    severity: "error",
    says: "`supervisor.proxy.managed` needs a proxy on this machine: `deploy.target: host` and a `deploy.proxy.kind`.",
    keys: ["supervisor.proxy.managed", "deploy.proxy.kind", "deploy.target"],
    check: ({ supervisor, deploy }) =>
      supervisor.proxy.managed && (deploy.proxy.kind === "none" || deploy.target !== "host")
        ? {
            rule: "needs deploy.proxy.kind caddy or nginx, and deploy.target host",
            found: `kind ${deploy.proxy.kind}, target ${deploy.target}`,
            cure: "set deploy.proxy.kind: caddy, or proxy.managed: false",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "A managed nginx needs certificates it may read: not `deploy.tls.mode: acme`.",
    keys: ["supervisor.proxy.managed", "deploy.proxy.kind", "deploy.tls.mode"],
    check: ({ supervisor, deploy }) =>
      supervisor.proxy.managed && deploy.proxy.kind === "nginx" && deploy.tls.mode === "acme"
        ? {
            rule: "needs certificates its user may read: certbot keeps them for root",
            found: "nginx with tls.mode acme",
            cure: "set deploy.proxy.kind: caddy, which gets its own, or tls.mode: files or internal",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`supervisor.redis.managed` and `supervisor.redis.url` exclude each other.",
    keys: ["supervisor.redis.managed", "supervisor.redis.url"],
    check: ({ supervisor }) =>
      supervisor.redis.managed && supervisor.redis.url !== undefined
        ? {
            rule: "must be false when supervisor.redis.url names another Redis",
            found: "true",
            cure: "keep the url and delete managed, or delete the url",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`supervisor.history: redis` needs a Redis.",
    keys: ["supervisor.history", "supervisor.redis.managed", "supervisor.redis.url"],
    check: ({ supervisor }) =>
      supervisor.history === "redis" && !supervisor.redis.managed && supervisor.redis.url === undefined
        ? {
            rule: "needs a Redis",
            found: "redis",
            cure: "set supervisor.redis.managed: true, or supervisor.redis.url to one that runs elsewhere",
          }
        : undefined,
  },
  // --- legal, but odd
  {
    severity: "warning",
    says: "`server.corsAllowAny` is on.",
    keys: ["server.corsAllowAny"],
    check: ({ server }) =>
      server.corsAllowAny
        ? {
            rule: "lets every web page in the world use this service from its visitors' browsers",
            cure: "list the pages in server.allowedOrigins instead",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`server.allowBindAny` is on although the host is loopback.",
    keys: ["server.allowBindAny", "server.host"],
    check: ({ server }) =>
      server.allowBindAny && isLoopback(server.host)
        ? {
            rule: `has no effect while server.host is ${server.host}`,
            cure: "delete it, so that a later change of host is asked about",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`server.lan` is on although the host is loopback.",
    keys: ["server.lan", "server.host"],
    check: ({ server }) =>
      server.lan && isLoopback(server.host)
        ? {
            rule: `has no use while server.host is ${server.host}: no other device can connect`,
            cure: "set server.host: 0.0.0.0 and server.allowBindAny: true",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`server.trustedProxies` believes everybody (`/0`), or a network is written with host bits set.",
    keys: ["server.trustedProxies"],
    check: ({ server }) => {
      const everybody = server.trustedProxies.find((cidr) => cidr.endsWith("/0"));
      if (everybody !== undefined) {
        return {
          rule: "believes everybody's X-Forwarded-For: any client can choose its address and evade the rate limit",
          found: everybody,
          cure: "list the proxy's own network only",
        };
      }
      const loose = server.trustedProxies.find((cidr) => networkOf(cidr) !== cidr);
      return loose === undefined
        ? undefined
        : {
            rule: `means the whole network ${networkOf(loose)}`,
            found: loose,
            cure: "write it so, or add /32 for one address",
          };
    },
  },
  {
    severity: "warning",
    says: "`session.maxDuration` is not longer than `session.idleTimeout`.",
    keys: ["session.maxDuration", "session.idleTimeout"],
    check: ({ session }) =>
      session.maxDurationMs > 0 && session.maxDurationMs <= session.idleTimeoutMs
        ? {
            rule: "ends every session before session.idleTimeout can",
            found: `${formatDuration(session.maxDurationMs)} against ${formatDuration(session.idleTimeoutMs)}`,
            cure: "lower idleTimeout or raise maxDuration",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`session.pingInterval` is longer than `session.idleTimeout`.",
    keys: ["session.pingInterval", "session.idleTimeout"],
    check: ({ session }) =>
      session.pingIntervalMs > session.idleTimeoutMs
        ? {
            rule: "is longer than session.idleTimeout: no ping is ever sent",
            found: `${formatDuration(session.pingIntervalMs)} against ${formatDuration(session.idleTimeoutMs)}`,
            cure: `set pingInterval to ${formatDuration(Math.max(1000, Math.floor(session.idleTimeoutMs / 4000) * 1000))}`,
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`shutdown.drain` is longer than `session.maxDuration`.",
    keys: ["shutdown.drain", "session.maxDuration"],
    check: ({ shutdown, session }) =>
      session.maxDurationMs > 0 && shutdown.drainMs > session.maxDurationMs
        ? {
            rule: "is longer than the longest session can last",
            found: `${formatDuration(shutdown.drainMs)} against ${formatDuration(session.maxDurationMs)}`,
            cure: "a drain of 10s to 1m is usual; every grace period grows with it",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`pool.size` is more than four for each core of this machine.",
    keys: ["pool.size"],
    check: ({ pool, engine }, machine) =>
      engine.kind === "onnx" && pool.size > machine.cores * 4
        ? {
            rule: `is more than four sessions for each of this machine's ${machine.cores} cores: all of them may lag`,
            found: String(pool.size),
            cure: `start with ${machine.cores * 2} and measure`,
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`engine.workers` times `engine.threads` is more than this machine's cores.",
    keys: ["engine.workers", "engine.threads"],
    check: ({ engine }, machine) => {
      const workers = engine.workers === "auto" ? 1 : engine.workers;
      const threads = engine.threads === "auto" ? 1 : engine.threads;
      if (workers * threads <= machine.cores) return undefined;
      return {
        rule: `asks for more than this machine's ${machine.cores} cores: recognition gets slower, not faster`,
        found: `${workers} × ${threads} threads`,
        cure: "write auto",
      };
    },
  },
  {
    severity: "warning",
    says: "`pool.queue` is 0, or cannot be used because `pool.checkoutTimeout` is 0.",
    keys: ["pool.queue", "pool.checkoutTimeout"],
    check: ({ pool }) => {
      if (pool.queue === 0 && pool.checkoutTimeoutMs > 0) {
        return {
          rule: "leaves no waiting line: who comes while all places are taken is refused at once",
          found: "0",
          cure: "a line of a few times pool.size is usual",
        };
      }
      if (pool.queue > 0 && pool.checkoutTimeoutMs === 0) {
        return {
          rule: "has no effect while pool.checkoutTimeout is 0: nobody waits",
          found: String(pool.queue),
          cure: "set checkoutTimeout, for example 30s",
        };
      }
      return undefined;
    },
  },
  {
    severity: "warning",
    says: "`pool.checkoutTimeout` is longer than `limits.requestBudget`.",
    keys: ["pool.checkoutTimeout", "limits.requestBudget"],
    check: ({ pool, limits }) =>
      pool.checkoutTimeoutMs > limits.requestBudgetMs
        ? {
            rule: "lets clients wait longer than the work itself may take",
            found: `${formatDuration(pool.checkoutTimeoutMs)} against ${formatDuration(limits.requestBudgetMs)}`,
            cure: "lower checkoutTimeout",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`rateLimit.burst` is larger than `rateLimit.perMinute`.",
    keys: ["rateLimit.burst", "rateLimit.perMinute"],
    check: ({ rateLimit }) =>
      rateLimit.perMinute > 0 && rateLimit.burst > rateLimit.perMinute
        ? {
            rule: "allows more requests at once than rateLimit.perMinute allows in a minute",
            found: `${rateLimit.burst} against ${rateLimit.perMinute}`,
            cure: `set burst to ${Math.max(1, Math.ceil(rateLimit.perMinute / 6))}`,
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`limits.wsFrame` is larger than `limits.body`.",
    keys: ["limits.wsFrame", "limits.body"],
    check: ({ limits }) =>
      limits.wsFrameBytes > limits.bodyBytes
        ? {
            rule: "lets one WebSocket frame be larger than a whole upload",
            found: `${formatBytes(limits.wsFrameBytes)} against ${formatBytes(limits.bodyBytes)}`,
            cure: "512KiB holds five seconds of audio at the highest rate",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`model.mirror` is set although `model.offline` is on.",
    keys: ["model.mirror", "model.offline"],
    check: ({ model }) =>
      model.offline && model.mirror !== undefined
        ? { rule: "has no effect while model.offline is true", cure: "delete one of them" }
        : undefined,
  },
  {
    severity: "warning",
    says: "`engine.kind` is `fake`.",
    keys: ["engine.kind"],
    check: ({ engine }) =>
      engine.kind === "fake"
        ? { rule: "answers fixed text instead of recognising speech", cure: "set engine.kind: onnx for real use" }
        : undefined,
  },
  {
    severity: "warning",
    says: "`server.keepAliveTimeout` is not longer than a rendered proxy keeps an idle connection (30s).",
    keys: ["server.keepAliveTimeout"],
    check: ({ server }) =>
      server.keepAliveTimeoutMs <= 30_000
        ? {
            rule: "is not longer than the 30s for which the rendered proxies keep idle connections: requests may be lost to a 502",
            found: formatDuration(server.keepAliveTimeoutMs),
            cure: "write 65s",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`supervisor.crashWindow` is too short to see `supervisor.crashLimit` restarts.",
    keys: [
      "supervisor.crashWindow",
      "supervisor.crashLimit",
      "supervisor.restartDelayMin",
      "supervisor.restartDelayMax",
    ],
    check: ({ supervisor }) => {
      let delay = supervisor.restartDelayMinMs;
      let total = 0;
      for (let i = 0; i < supervisor.crashLimit && total <= supervisor.crashWindowMs; i++) {
        total += delay;
        delay = Math.min(delay * 2, supervisor.restartDelayMaxMs);
      }
      return total > supervisor.crashWindowMs
        ? {
            rule: `is too short to hold ${supervisor.crashLimit} restarts with their delays: a crash loop is never noticed`,
            found: formatDuration(supervisor.crashWindowMs),
            cure: "raise crashWindow or lower crashLimit",
          }
        : undefined;
    },
  },
];

// ---

function minMax(maxKey: string, minName: string, minMs: number, maxMs: number): CrossFinding | undefined {
  if (minMs <= maxMs) return undefined;
  return {
    rule: `must not be longer than ${maxKey}`,
    found: `${formatDuration(minMs)} against ${formatDuration(maxMs)}`,
    cure: `lower ${minName} to ${formatDuration(maxMs)} or raise the other`,
  };
}
