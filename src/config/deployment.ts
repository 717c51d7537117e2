import { domainToASCII } from "node:url";
import type { ResolvedConfig } from "./types.ts";

/** Proxies on this machine. */
export const LOOPBACK_PROXIES: readonly string[] = ["127.0.0.1/32", "::1/128"];

/**
 * Returns the configuration with what a proxy in front changes for the server: with one declared on this machine, loopback peers are trusted and the public
 * origin may call from browsers. Values the user has set stay. In containers the rendered configuration says it all explicitly.
 */
export function withDeployment(typed: ResolvedConfig): ResolvedConfig {
  const config = withAsciiDomain(typed);
  const { deploy, server } = config;
  if (deploy.target !== "host" || deploy.proxy.kind === "none") return config;
  const origin = publicOrigin(config);
  return Object.freeze({
    ...config,
    server: Object.freeze({
      ...server,
      trustedProxies: server.trustedProxies.length > 0 ? server.trustedProxies : LOOPBACK_PROXIES,
      allowedOrigins: server.corsAllowAny ? server.allowedOrigins : withOrigin(server.allowedOrigins, origin),
    }),
  });
}

/** Names in other scripts as DNS, certificates and browsers spell them: `пример.рф` → `xn--e1afmkfd.xn--p1ai`. */
function withAsciiDomain(config: ResolvedConfig): ResolvedConfig {
  const { domain } = config.deploy;
  if (domain === undefined || /^[\x21-\x7e]*$/.test(domain)) return config;
  return Object.freeze({ ...config, deploy: Object.freeze({ ...config.deploy, domain: domainToASCII(domain) }) });
}

/** Returns the origin browsers send: scheme and port of what is really served, default ports left out; undefined when nothing public is served. */
export function publicOrigin(config: ResolvedConfig): string | undefined {
  const { domain, httpsPort, httpPort, tls, proxy, target } = config.deploy;
  if (domain === undefined || (proxy.kind === "none" && target !== "kubernetes")) return undefined;
  if (tls.mode === "none") return `http://${domain}${httpPort === 80 ? "" : `:${httpPort}`}`;
  return `https://${domain}${httpsPort === 443 ? "" : `:${httpsPort}`}`;
}

/** Returns the list with one origin in it, once. */
export function withOrigin(origins: readonly string[], origin: string | undefined): readonly string[] {
  return origin === undefined || origins.includes(origin) ? origins : Object.freeze([...origins, origin]);
}
