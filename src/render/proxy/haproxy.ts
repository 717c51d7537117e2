import type { ResolvedConfig } from "../../config/types.ts";
import { ALL_ROUTES } from "../../shared/protocol.ts";
import { passesAuthorization, requireDomain } from "./caddy.ts";
import { RenderError } from "../errors.ts";
import { CIPHERS } from "./nginx.ts";
import { FALLBACK_HEADERS, securityHeaders } from "./security-headers.ts";
import { FOREIGN_ADDRESS_HEADERS, isStrictMtls, upstreamAddress, type RenderInput } from "../target.ts";
import type { View } from "../text/template.ts";
import { isAtLeast, parseVersion } from "../version.ts";

/** The newest HAProxy these files were written for; `proxy.version: auto` means it. */
export const NEWEST_HAPROXY = "3.2.0";
/** Oldest supported: Debian 12. */
export const OLDEST_HAPROXY = "2.6.12";
/** Where certbot answers the challenge: HAProxy serves no files. */
export const CERTBOT_PORT = 8402;

/** Returns the view model of templates/haproxy/haproxy.cfg. Pure. */
export function haproxyView({ config, derived }: RenderInput): View {
  const { deploy } = config;
  const version = deploy.proxy.version === "auto" ? NEWEST_HAPROXY : deploy.proxy.version;
  if (!isAtLeast(parseVersion(version, "deploy.proxy.version"), 2, 6)) {
    throw new RenderError(
      `deploy.proxy.version: HAProxy ${OLDEST_HAPROXY} or newer is supported, got ${version}. Update HAProxy.`,
    );
  }
  const https = deploy.tls.mode !== "none";
  const domain = requireDomain(config);
  const auth = deploy.auth.kind;
  return {
    p: { ...derived.proxy },
    account: "haproxy",
    ciphers: CIPHERS,
    https: https ? { certificate: haproxyCertificate(config) } : false,
    binds: bindsOf(https ? deploy.httpsPort : deploy.httpPort),
    httpBinds: bindsOf(deploy.httpPort),
    clients:
      auth === "mtls" ? { ca: deploy.tls.clientCaFile, mode: isStrictMtls(config) ? "required" : "optional" } : false,
    scheme: https ? "https" : "http",
    host: domain,
    publicUrl: `https://${domain}${deploy.httpsPort === 443 ? "" : `:${deploy.httpsPort}`}`,
    acme: deploy.tls.mode === "acme" ? { port: CERTBOT_PORT } : false,
    cdn: deploy.cdnCidrs.length > 0 ? { ranges: deploy.cdnCidrs, hops: [-1, -2, -3] } : false,
    dropped: FOREIGN_ADDRESS_HEADERS,
    headers: securityHeaders(derived).map(({ name, value }) => ({ name, value })),
    fallbackHeaders: FALLBACK_HEADERS.map(({ name, value }) => ({ name, value })),
    closedPaths: ALL_ROUTES.filter(({ access }) => access === "closed").map(({ path }) => path),
    needsCredentials: auth === "basic" || auth === "keys" || (auth === "mtls" && !isStrictMtls(config)),
    publicPaths: deploy.publicPaths,
    basic: auth === "basic" ? { users: haproxyUsersFile(config) } : false,
    keys: auth === "keys" ? { file: `${deploy.secretsDir}/keys.haproxy` } : false,
    certificate403: auth === "mtls" && !isStrictMtls(config),
    stripAuthorization: !passesAuthorization(config),
    films: ALL_ROUTES.filter(({ bodyLimit }) => bodyLimit === "asrBody").map(({ path }) => path),
    emptyErrors: [400, 408, 500, 502, 503, 504],
    upstream: upstreamAddress(config, "host"),
  };
}

/** Returns the certificate chain that HAProxy reads; its key lies beside it, with `.key` added to the whole name. */
export function haproxyCertificate({ deploy }: ResolvedConfig): string {
  return deploy.tls.mode === "acme"
    ? `/etc/letsencrypt/live/${deploy.domain}/fullchain.pem`
    : deploy.tls.certificateFile;
}

/** Returns the second file that HAProxy starts with: its users. */
export function haproxyUsersFile({ deploy }: Pick<ResolvedConfig, "deploy">): string {
  return `${deploy.secretsDir}/users.haproxy`;
}

// ---

function bindsOf(port: number): View[] {
  return [
    { address: `:${port}`, six: false },
    { address: `[::]:${port}`, six: true },
  ];
}
