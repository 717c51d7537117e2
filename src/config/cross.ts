import { formatBytes, formatDuration } from "../shared/units.ts";
import { isLoopback, networkOf } from "./formats.ts";
import type { ResolvedConfig } from "./types.ts";

/** The machine as the rules see it. */
export interface Machine {
  readonly cores: number;
}

/** A rule over several keys. */
export interface CrossRule {
  readonly severity: "error" | "warning";
  /** Dotted keys it reads. The first that was set by the user is pointed at; the rule is silent while one of them is invalid. */
  readonly keys: readonly [string, ...string[]];
  readonly check: (config: ResolvedConfig, machine: Machine) => CrossFinding | undefined;
}

export interface CrossFinding {
  readonly rule: string;
  readonly found?: string;
  readonly cure: string;
}

/** Rules that no single key's schema can say. Errors first, then what is legal but odd. */
export const CROSS_RULES: readonly CrossRule[] = [
  {
    severity: "error",
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
    keys: ["supervisor.healthTimeout", "supervisor.healthInterval"],
    check: ({ supervisor }) =>
      minMax("supervisor.healthInterval", "healthTimeout", supervisor.healthTimeoutMs, supervisor.healthIntervalMs),
  },
  {
    severity: "error",
    keys: ["deploy.tls.mode", "deploy.domain", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.proxy.kind !== "none" && deploy.tls.mode !== "none" && deploy.domain === undefined
        ? {
            rule: "needs deploy.domain: a certificate is made out to a name",
            found: deploy.tls.mode,
            cure: "set deploy.domain, or tls.mode: none on a private network",
          }
        : undefined,
  },
  {
    severity: "error",
    keys: ["deploy.auth.kind", "deploy.auth.forwardUrl"],
    check: ({ deploy }) =>
      deploy.auth.kind === "forward" && deploy.auth.forwardUrl === undefined
        ? {
            rule: "needs deploy.auth.forwardUrl",
            found: "forward",
            cure: "set the URL of the check, for example http://127.0.0.1:9091/api/verify",
          }
        : undefined,
  },
  {
    severity: "error",
    keys: ["deploy.auth.kind", "deploy.proxy.kind", "deploy.target"],
    check: ({ deploy }) =>
      deploy.auth.kind !== "none" && deploy.proxy.kind === "none" && deploy.target !== "kubernetes"
        ? {
            rule: "needs a proxy: the server itself checks nobody",
            found: deploy.auth.kind,
            cure: "set deploy.proxy.kind: caddy or nginx, or auth.kind: none",
          }
        : undefined,
  },
  {
    severity: "error",
    keys: ["deploy.auth.kind", "deploy.tls.mode"],
    check: ({ deploy }) =>
      deploy.auth.kind === "mtls" && deploy.tls.mode === "none"
        ? {
            rule: "mtls needs TLS",
            found: "tls.mode none",
            cure: "set deploy.tls.mode: internal or files",
          }
        : undefined,
  },
  {
    severity: "error",
    keys: ["deploy.httpPort", "deploy.httpsPort"],
    check: ({ deploy }) =>
      deploy.tls.mode !== "none" && deploy.httpPort === deploy.httpsPort
        ? { rule: "must differ from deploy.httpsPort", found: String(deploy.httpPort), cure: "80 and 443 are usual" }
        : undefined,
  },
  {
    severity: "error",
    keys: ["deploy.proxy.kind", "server.port", "deploy.httpPort", "deploy.httpsPort"],
    check: ({ deploy, server }) => {
      if (deploy.target !== "host" || deploy.proxy.kind === "none") return undefined;
      const taken = [deploy.httpPort, ...(deploy.tls.mode === "none" ? [] : [deploy.httpsPort])];
      return taken.includes(server.port)
        ? {
            rule: "and the server cannot share a port on one machine",
            found: String(server.port),
            cure: "give server.port another number, 9876 is usual",
          }
        : undefined;
    },
  },
  // --- legal, but odd
  {
    severity: "warning",
    keys: ["deploy.auth.kind", "deploy.tls.mode"],
    check: ({ deploy }) =>
      (deploy.auth.kind === "basic" || deploy.auth.kind === "keys") &&
      deploy.tls.mode === "none" &&
      deploy.proxy.kind !== "none"
        ? {
            rule: "sends its credentials in clear text while deploy.tls.mode is none",
            found: deploy.auth.kind,
            cure: "set tls.mode: internal",
          }
        : undefined,
  },
  {
    severity: "warning",
    keys: ["deploy.auth.kind", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.auth.kind === "none" && deploy.proxy.kind !== "none" && deploy.tls.mode === "acme"
        ? {
            rule: "lets the whole internet use this service",
            found: "none",
            cure: "set deploy.auth.kind: basic or keys",
          }
        : undefined,
  },
  {
    severity: "warning",
    keys: ["session.maxDuration", "deploy.proxy.kind"],
    check: ({ session, deploy }) =>
      session.maxDurationMs === 0 && deploy.proxy.kind !== "none"
        ? {
            rule: "is never, but a proxy needs a number: its reload cuts sessions older than an hour",
            found: "0",
            cure: "set a session cap",
          }
        : undefined,
  },
  {
    severity: "warning",
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
    keys: ["model.mirror", "model.offline"],
    check: ({ model }) =>
      model.offline && model.mirror !== undefined
        ? { rule: "has no effect while model.offline is true", cure: "delete one of them" }
        : undefined,
  },
  {
    severity: "warning",
    keys: ["engine.kind"],
    check: ({ engine }) =>
      engine.kind === "fake"
        ? { rule: "answers fixed text instead of recognising speech", cure: "set engine.kind: onnx for real use" }
        : undefined,
  },
  {
    severity: "warning",
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
