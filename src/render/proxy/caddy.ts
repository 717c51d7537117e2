import type { ResolvedConfig } from "../../config/types.ts";
import { ALL_ROUTES } from "../../shared/protocol.ts";
import { RenderError } from "../errors.ts";
import { FALLBACK_HEADERS, securityHeaders } from "./security-headers.ts";
import {
  isStrictMtls,
  listenPorts,
  managedPlace,
  secretsDir,
  tlsPath,
  upstreamAddress,
  type Placement,
  type RenderInput,
} from "../target.ts";
import type { View } from "../text/template.ts";
import { isAtLeast, parseVersion } from "../version.ts";

/** The newest Caddy these files were validated with; `proxy.version: auto` means it. */
export const NEWEST_CADDY = "2.11.4";
/** Oldest supported: Debian 12. */
export const OLDEST_CADDY = "2.6.2";

/** Returns the view model of templates/caddy/Caddyfile. Pure. */
export function caddyView(input: RenderInput, placement: Placement): View {
  const { config, derived } = input;
  const { deploy } = config;
  const version = parseVersion(caddyVersion(config), "deploy.proxy.version");
  if (!isAtLeast(version, 2, 6)) {
    throw new RenderError(
      `deploy.proxy.version: Caddy ${OLDEST_CADDY} or newer is supported, got ${deploy.proxy.version}. Update Caddy.`,
    );
  }
  const cdn = deploy.cdnCidrs.length > 0;
  if (cdn && !isAtLeast(version, 2, 8)) {
    throw new RenderError(
      `deploy.cdnCidrs needs trusted_proxies_strict of Caddy 2.8 or newer, got ${deploy.proxy.version}. Update Caddy, use nginx, or remove the CDN.`,
    );
  }
  const ports = listenPorts(config, placement);
  const https = deploy.tls.mode !== "none";
  const domain = requireDomain(config);
  const auth = deploy.auth.kind;
  return {
    p: { ...derived.proxy },
    films: ALL_ROUTES.filter(({ bodyLimit }) => bodyLimit === "asrBody").map(({ path }) => path),
    grace: derived.proxy.gracePeriodS,
    // One value: Caddy does not treat a quote in the middle of a word as a quote.
    admin: `unix/${placement === "managed" ? managedPlace(input).adminSocket : "/run/caddy/admin.sock"}`,
    // A child of the supervisor must not ask for a password to change the machine's trust store.
    skipInstallTrust: placement === "managed" && deploy.tls.mode === "internal",
    email: https && deploy.tls.mode === "acme" ? deploy.tls.email : undefined,
    plainHttp: !https,
    httpPort: ports.http === 80 ? undefined : ports.http,
    httpsPort: ports.https === 443 ? undefined : ports.https,
    cdn: cdn ? { ranges: deploy.cdnCidrs } : false,
    clientAddress: { [cdn ? "client" : "peer"]: true, [cdn ? "peer" : "client"]: false },
    upstream: upstreamAddress(config, placement),
    // Streams are closed at once by older versions; there is no way around it in their language.
    streamCloseDelay: isAtLeast(version, 2, 7),
    oldTooLarge: !isAtLeast(version, 2, 7),
    headers: securityHeaders(derived).map(({ name, value }) => ({ name, value })),
    fallbackHeaders: FALLBACK_HEADERS.map(({ name, value }) => ({ name, value })),
    site: https ? domain : plainSite(config, ports.http),
    redirect: https
      ? { to: `https://${domain}${deploy.httpsPort === 443 ? "" : `:${deploy.httpsPort}`}`, from: `http://${domain}` }
      : false,
    // A request for another name than ours must not be answered 200 by the catch-all of Caddy itself.
    strayHosts: [
      ...(https ? [":" + ports.https] : []),
      ...(https || deploy.domain !== undefined ? [":" + ports.http] : []),
    ],
    tls: tlsView(config, placement, isAtLeast(version, 2, 8)),
    closedPaths: ALL_ROUTES.filter(({ access }) => access === "closed").map(({ path }) => path),
    publicPaths: deploy.publicPaths,
    basic:
      auth === "basic"
        ? {
            directive: isAtLeast(version, 2, 8) ? "basic_auth" : "basicauth",
            users: `${secretsDir(config, placement)}/users.caddy`,
          }
        : false,
    keys: auth === "keys" ? { file: `${secretsDir(config, placement)}/keys.caddy` } : false,
    forward: auth === "forward" ? forwardView(config) : false,
    certificate: auth === "mtls" && !isStrictMtls(config),
    stripAuthorization: !passesAuthorization(config),
  };
}

/** Returns the declared version, with `auto` resolved. */
export function caddyVersion(config: ResolvedConfig): string {
  return config.deploy.proxy.version === "auto" ? NEWEST_CADDY : config.deploy.proxy.version;
}

/** Returns the host name of the site; required as soon as TLS is on. */
export function requireDomain(config: ResolvedConfig): string {
  const { domain, tls } = config.deploy;
  if (domain !== undefined) return domain;
  if (tls.mode === "none") return "";
  throw new RenderError(
    `deploy.domain is needed for deploy.tls.mode ${tls.mode}. Set the public host name, or tls.mode: none on a private network.`,
  );
}

/** Returns whether the server reads the Authorization header: for its own keys, or because the operator forwards the proxy's. */
export function passesAuthorization({ auth, deploy }: ResolvedConfig): boolean {
  return auth.keys === "required" || (deploy.auth.kind === "keys" && deploy.auth.passKeys);
}

/** Returns the check URL of the authentication service, split as proxies want it. */
export function forwardView(config: ResolvedConfig): {
  readonly origin: string;
  readonly host: string;
  readonly uri: string;
} {
  const text = config.deploy.auth.forwardUrl;
  if (text === undefined || !URL.canParse(text)) {
    throw new RenderError(
      `deploy.auth.forwardUrl must be the URL of the authentication check, got ${JSON.stringify(text)}.`,
    );
  }
  const url = new URL(text);
  return { origin: url.origin, host: url.host, uri: url.pathname + url.search };
}

// ---

function plainSite(config: ResolvedConfig, port: number): string {
  return `http://${config.deploy.domain ?? ""}${port === 80 && config.deploy.domain !== undefined ? "" : `:${port}`}`;
}

function tlsView(config: ResolvedConfig, placement: Placement, hasTrustPool: boolean): View {
  const { tls, auth } = config.deploy;
  const ca = tlsPath(config, placement, "clientCaFile");
  const mode = isStrictMtls(config) ? "require_and_verify" : "verify_if_given";
  const clients = auth.kind === "mtls" ? { ca, mode, trustPool: hasTrustPool } : false;
  return {
    needed:
      tls.mode === "internal" || tls.mode === "files" || clients !== false
        ? { internal: tls.mode === "internal" }
        : false,
    files:
      tls.mode === "files"
        ? {
            certificate: tlsPath(config, placement, "certificateFile"),
            key: tlsPath(config, placement, "privateKeyFile"),
          }
        : false,
    clients,
  };
}
