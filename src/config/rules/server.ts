import { formatDuration } from "../../shared/units.ts";
import type { CrossRule } from "./rule.ts";
import { PROXY_KEEP_ALIVE_S } from "../derived.ts";
import { isLoopback, networkOf } from "../schema/formats.ts";

/** Rules over the keys of the section `server`. */
export const SERVER_RULES: readonly CrossRule[] = [
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
    severity: "warning",
    says: "`server.corsAllowAny` is on.",
    keys: ["server.corsAllowAny"],
    check: ({ server }) =>
      server.corsAllowAny
        ? {
            rule: "allows any web page to use this service from its visitors' browsers",
            cure: "list the pages in server.allowedOrigins instead",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`server.lan` is on while the host is loopback.",
    keys: ["server.lan", "server.host"],
    check: ({ server }) =>
      server.lan && isLoopback(server.host)
        ? {
            rule: `has no effect while server.host is ${server.host}: no other device can connect`,
            cure: "set server.host: 0.0.0.0 and server.allowBindAny: true",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`server.ingressFrom` lists a network instead of single addresses.",
    keys: ["server.ingressFrom"],
    check: ({ server }) => {
      const wide = server.ingressFrom.find((cidr) => !/\/(?:32|128)$/.test(cidr) || /^[^:]*\/128$|:.*\/32$/.test(cidr));
      return wide === undefined
        ? undefined
        : {
            rule: "must list single addresses: every request from there counts as signed in",
            found: wide,
            cure: "write the address of the proxy with /32, for IPv6 with /128",
          };
    },
  },
  {
    severity: "warning",
    says: "`server.trustedProxies` trusts any client (`/0`), or a network is written with host bits set.",
    keys: ["server.trustedProxies"],
    check: ({ server }) => {
      const anyNetwork = server.trustedProxies.find((cidr) => cidr.endsWith("/0"));
      if (anyNetwork !== undefined) {
        return {
          rule: "trusts X-Forwarded-For from any client: clients can forge their address and evade the rate limit",
          found: anyNetwork,
          cure: "list the proxy's own network only",
        };
      }
      const loose = server.trustedProxies.find((cidr) => networkOf(cidr) !== cidr);
      return loose === undefined
        ? undefined
        : {
            rule: `means the whole network ${networkOf(loose)}`,
            found: loose,
            cure: "write that, or add /32 for one address",
          };
    },
  },
  {
    severity: "warning",
    says: "`server.keepAliveTimeout` is not longer than a rendered proxy keeps an idle connection (30s).",
    keys: ["server.keepAliveTimeout"],
    check: ({ server }) =>
      server.keepAliveTimeoutMs <= PROXY_KEEP_ALIVE_S * 1000
        ? {
            rule: "is not longer than the 30s that the rendered proxies keep idle connections: some requests may fail with 502",
            found: formatDuration(server.keepAliveTimeoutMs),
            cure: "write 65s",
          }
        : undefined,
  },
];
