import type { CrossRule } from "./rule.ts";

/**
 * What one of the proxies cannot do. The renderer checks them as well: a file that leaves out the authentication that was asked for is never
 * right.
 */
export const PROXY_RULES: readonly CrossRule[] = [
  {
    severity: "error",
    says: "Only Caddy and nginx are rendered for Docker Compose.",
    keys: ["deploy.proxy.kind", "deploy.target"],
    check: ({ deploy }) =>
      isOther(deploy.proxy.kind) && deploy.target === "compose"
        ? {
            rule: "cannot be rendered for deploy.target compose",
            found: deploy.proxy.kind,
            cure: "set deploy.proxy.kind: caddy or nginx; or publish the server on loopback (deploy.compose.publish) and render the proxy for the host",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`gigastt up` runs Caddy or nginx (`supervisor.proxy.managed`), not HAProxy or Traefik.",
    keys: ["supervisor.proxy.managed", "deploy.proxy.kind"],
    check: ({ deploy, supervisor }) =>
      isOther(deploy.proxy.kind) && supervisor.proxy.managed
        ? {
            rule: "needs deploy.proxy.kind caddy or nginx",
            found: deploy.proxy.kind,
            cure: "set supervisor.proxy.managed: false and run the proxy under its own unit, or deploy.proxy.kind: caddy",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "HAProxy cannot ask an authentication service (`deploy.auth.kind: forward`).",
    keys: ["deploy.auth.kind", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.proxy.kind === "haproxy" && deploy.auth.kind === "forward"
        ? {
            rule: "needs a proxy that asks another service, and HAProxy does so only with a Lua script",
            found: "forward with deploy.proxy.kind: haproxy",
            cure: "set deploy.proxy.kind: caddy, nginx or traefik; or deploy.auth.kind: basic or keys",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "Traefik cannot check API keys (`deploy.auth.kind: keys`); the server can.",
    keys: ["deploy.auth.kind", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.proxy.kind === "traefik" && deploy.auth.kind === "keys"
        ? {
            rule: "needs a proxy that checks keys, and Traefik has no middleware for it",
            found: "keys with deploy.proxy.kind: traefik",
            cure: "set deploy.auth.kind: server and auth.keys: required, and the server checks its own keys; or deploy.proxy.kind: caddy, nginx or haproxy",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "Traefik asks for client certificates on every route or on none: `deploy.auth.kind: mtls` needs `deploy.publicPaths: []`.",
    keys: ["deploy.publicPaths", "deploy.auth.kind", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.proxy.kind === "traefik" && deploy.auth.kind === "mtls" && deploy.publicPaths.length > 0
        ? {
            rule: "must be empty for mtls with Traefik, which asks for certificates before it knows the path",
            found: deploy.publicPaths.join(", "),
            cure: "set deploy.publicPaths: [], or deploy.proxy.kind: caddy, nginx or haproxy",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "Traefik cannot stand behind a CDN (`deploy.cdnCidrs`): it passes the whole address list of X-Forwarded-For.",
    keys: ["deploy.cdnCidrs", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.proxy.kind === "traefik" && deploy.cdnCidrs.length > 0
        ? {
            rule: "cannot be used with Traefik, which passes on the whole list in X-Forwarded-For instead of the client's address",
            found: deploy.cdnCidrs.join(", "),
            cure: "set deploy.proxy.kind: caddy, nginx or haproxy",
          }
        : undefined,
  },
];

// ---

function isOther(kind: string): boolean {
  return kind === "haproxy" || kind === "traefik";
}
