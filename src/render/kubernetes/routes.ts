import { pathsOf } from "../../shared/protocol.ts";
import { meta, NAME, type Manifest } from "./object.ts";
import { securityHeaders } from "../proxy/security-headers.ts";
import type { RenderInput } from "../target.ts";

/** Secret with the users of `auth.kind: basic`, read by ingress-nginx. */
export const USERS_SECRET = "gigastt-users";

/** Returns the HTTPRoute: what the gateway hands on, with which timers. */
export function httpRoute(input: RenderInput): Manifest {
  const { config, derived } = input;
  const { deploy } = config;
  const backendRefs = [{ name: NAME, port: 80 }];
  const filters = [
    {
      // The gateway appends the peer to X-Forwarded-For; the server takes the right-most address it does not trust.
      type: "RequestHeaderModifier",
      requestHeaderModifier: {
        remove: [
          "X-Real-IP",
          "Forwarded",
          "X-Client-IP",
          "True-Client-IP",
          "CF-Connecting-IP",
          "X-Cluster-Client-IP",
          "X-Original-Forwarded-For",
        ],
      },
    },
    {
      type: "ResponseHeaderModifier",
      responseHeaderModifier: {
        set: securityHeaders(derived).map(({ name, value }) => ({ name, value })),
        remove: ["Server"],
      },
    },
  ];
  const unlimited = { request: "0s", backendRequest: "0s" };
  const rest = gatewayDuration(derived.kubernetes.restRouteS);
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: meta(input),
    spec: {
      parentRefs: [
        {
          name: deploy.kubernetes.gatewayName,
          namespace: deploy.kubernetes.gatewayNamespace,
          sectionName: deploy.tls.mode === "none" ? "http" : "https",
        },
      ],
      hostnames: [deploy.domain],
      rules: [
        {
          // Live sessions and event streams end when the server says so.
          matches: pathsOf("websocket", "sse").map((path) => ({ path: matchOf(path) })),
          filters,
          timeouts: unlimited,
          backendRefs,
        },
        {
          // `/metrics` is not among them: monitoring reads it inside the cluster.
          matches: publicPrefixes(input).map((path) => ({ path })),
          filters,
          timeouts: { request: rest, backendRequest: rest },
          backendRefs,
        },
      ],
    },
  };
}

/** Returns the HTTPRoute that redirects plain HTTP to the literal name over HTTPS. */
export function redirectRoute(input: RenderInput): Manifest {
  const { deploy } = input.config;
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: meta(input, "gigastt-redirect"),
    spec: {
      parentRefs: [
        { name: deploy.kubernetes.gatewayName, namespace: deploy.kubernetes.gatewayNamespace, sectionName: "http" },
      ],
      hostnames: [deploy.domain],
      rules: [
        {
          filters: [
            {
              type: "RequestRedirect",
              requestRedirect: { scheme: "https", hostname: deploy.domain, port: deploy.httpsPort, statusCode: 308 },
            },
          ],
        },
      ],
    },
  };
}

/** Returns the Ingress for ingress-nginx. */
export function ingress(input: RenderInput): Manifest {
  const { config, derived } = input;
  const { deploy } = config;
  const prefix = "nginx.ingress.kubernetes.io";
  const backend = { service: { name: NAME, port: { name: "http" } } };
  const streams = pathsOf("websocket", "sse");
  const annotations: Record<string, string> = {
    [`${prefix}/proxy-body-size`]: String(Math.max(derived.proxy.bodyBytes, derived.proxy.asrBodyBytes)),
    // One set of timers for all routes: the longest wait is a file being transcribed.
    [`${prefix}/proxy-read-timeout`]: String(derived.proxy.holdReadTimeoutS),
    [`${prefix}/proxy-send-timeout`]: String(derived.proxy.streamTimeoutS),
    [`${prefix}/proxy-connect-timeout`]: String(derived.proxy.dialTimeoutS),
    [`${prefix}/proxy-request-buffering`]: deploy.privacy === "strict" ? "off" : "on",
    [`${prefix}/proxy-buffering`]: "off",
    [`${prefix}/ssl-redirect`]: deploy.tls.mode === "none" ? "false" : "true",
    [`${prefix}/limit-connections`]: String(derived.proxy.connectionsPerClient),
  };
  if (deploy.auth.kind === "basic") {
    annotations[`${prefix}/auth-type`] = "basic";
    annotations[`${prefix}/auth-secret`] = USERS_SECRET;
    annotations[`${prefix}/auth-realm`] = "gigastt";
  }
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: meta(input, NAME, annotations),
    spec: {
      ingressClassName: deploy.kubernetes.ingressClass,
      ...(deploy.tls.mode === "none" ? {} : { tls: [{ hosts: [deploy.domain], secretName: "gigastt-tls" }] }),
      rules: [
        {
          host: deploy.domain,
          http: {
            paths: publicPrefixes(input)
              .map(({ type, value }) => ({
                path: value,
                pathType: type === "Exact" ? "Exact" : "Prefix",
                backend,
              }))
              .concat(
                streams
                  .filter((path) => !path.startsWith(VERSIONED))
                  .map((path) => ({ path, pathType: "Exact", backend })),
              ),
          },
        },
      ],
    },
  };
}

// ---

/** One rule takes every route below it. */
const VERSIONED = "/v1/";

function publicPrefixes({ config }: RenderInput): readonly Manifest[] {
  const streams = pathsOf("websocket", "sse");
  const pages = config.console.enabled ? pathsOf("page") : [];
  const paths = new Set(
    [...config.deploy.publicPaths, ...pathsOf("rest", "status"), ...pages].filter(
      (path) => !streams.includes(path) && !path.startsWith(VERSIONED),
    ),
  );
  return [{ type: "PathPrefix", value: VERSIONED.slice(0, -1) }, ...[...paths].map(matchOf)];
}

/** The core of the Gateway API has no patterns: a path with a parameter takes all that is below its beginning. */
function matchOf(path: string): { readonly type: "PathPrefix" | "Exact"; readonly value: string } {
  return path.includes("{")
    ? { type: "PathPrefix", value: path.slice(0, path.indexOf("/{")) }
    : { type: "Exact", value: path };
}

/** Gateway API durations have at most five digits per unit. */
function gatewayDuration(seconds: number): string {
  return seconds < 100_000 ? `${seconds}s` : `${Math.ceil(seconds / 3600)}h`;
}
