import type { ResolvedConfig } from "../../config/types.ts";
import { ALL_ROUTES, carries, pathsOf } from "../../shared/protocol.ts";
import type { RouteSpec } from "../../shared/protocol.ts";
import { forwardView, passesAuthorization, requireDomain } from "./caddy.ts";
import { RenderError } from "../errors.ts";
import { FALLBACK_HEADERS, securityHeaders } from "./security-headers.ts";
import {
  isStrictMtls,
  listenPorts,
  managedPlace,
  type ManagedPlace,
  secretsDir,
  tlsPath,
  upstreamAddress,
  type Placement,
  type RenderInput,
} from "../target.ts";
import type { View } from "../text/template.ts";
import { isAtLeast, parseVersion, type Version } from "../version.ts";

/** The newest nginx these files were written for; `proxy.version: auto` means the stable line. */
export const NEWEST_NGINX = "1.30.4";
/** Oldest supported: Debian 12. */
export const OLDEST_NGINX = "1.22.1";

/** The six ECDHE AEAD suites of the Mozilla guideline 6.0, intermediate profile. */
export const CIPHERS: string = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "ECDHE-ECDSA-CHACHA20-POLY1305",
  "ECDHE-RSA-CHACHA20-POLY1305",
].join(":");

/** Returns the view model shared by templates/nginx/*. Pure. */
export function nginxView(input: RenderInput, placement: Placement): View {
  const { config, derived } = input;
  const managed = placement === "managed" ? managedPlace(input) : undefined;
  const { deploy } = config;
  const version = parseVersion(nginxVersion(config), "deploy.proxy.version");
  if (!isAtLeast(version, 1, 22)) {
    throw new RenderError(
      `deploy.proxy.version: nginx ${OLDEST_NGINX} or newer is supported, got ${deploy.proxy.version}. Update nginx.`,
    );
  }
  const ports = listenPorts(config, placement);
  const https = deploy.tls.mode !== "none";
  const domain = requireDomain(config);
  const auth = deploy.auth.kind;
  const http2Directive = isAtLeast(version, 1, 25, 1);
  const openssl = parseVersion(deploy.proxy.opensslVersion, "deploy.proxy.opensslVersion");
  const streams = pathsOf("websocket");
  const eventStreams = new Set(ALL_ROUTES.filter(hasOwnTimers).map(({ path }) => path as string));
  const isPublic = (path: string): boolean => deploy.publicPaths.includes(path);
  const configDir = managed?.configDir ?? nginxConfigDir(config, placement);
  return {
    p: { ...derived.proxy },
    siteFile: `${configDir}/gigastt.conf`,
    proxyFile: `${configDir}/gigastt-proxy.inc`,
    ...(managed === undefined ? OWN_FILES[placement === "compose" ? "compose" : "host"] : managedFiles(managed)),
    strict: deploy.privacy === "strict",
    upstream: upstreamView(config, placement, version),
    cdn: deploy.cdnCidrs.length > 0 ? { ranges: deploy.cdnCidrs } : false,
    headers: securityHeaders(derived).map(({ name, value }) => ({ name, value })),
    fallbackHeaders: FALLBACK_HEADERS.map(({ name, value }) => ({
      name,
      value,
      variable: name.toLowerCase().replaceAll("-", "_"),
    })),
    limiter: derived.proxy.ratePerMinute > 0,
    https,
    http: !https,
    plainDefault: !https && domain === "",
    strayHosts: https || domain !== "",
    httpPort: ports.http,
    httpsPort: ports.https,
    // `http2 on` came with 1.25.1, which deprecated the listen parameter.
    http2Directive: https && http2Directive,
    serverName: domain === "" ? "_" : domain,
    publicUrl: `https://${domain}${deploy.httpsPort === 443 ? "" : `:${deploy.httpsPort}`}`,
    acme: deploy.tls.mode === "acme",
    webroot: ACME_WEBROOT,
    tls: https ? tlsView(config, placement, domain, isAtLeast(openssl, 3, 5)) : false,
    clientCertificates: https && auth === "mtls" ? { mode: isStrictMtls(config) ? "on" : "optional" } : false,
    publicPaths: deploy.publicPaths,
    open: auth === "none" || auth === "server",
    basic: auth === "basic" ? { users: `${secretsDir(config, placement)}/users.htpasswd` } : false,
    keys: auth === "keys" ? { file: `${secretsDir(config, placement)}/keys.map` } : false,
    forward: auth === "forward" ? { url: forwardUrl(config), host: forwardView(config).host } : false,
    certificate: auth === "mtls" && !isStrictMtls(config),
    stripAuthorization: !passesAuthorization(config),
    // Exact locations with their own timers; the protocol's deprecated alias is the same stream.
    closedPaths: ALL_ROUTES.filter(({ access }) => access === "closed").map(({ path }) => path),
    streams: streams.filter((path) => !isPublic(path)),
    publicStreams: streams.filter(isPublic),
    publicRest: deploy.publicPaths
      .filter((path) => !streams.includes(path) && !eventStreams.has(path))
      .map((path) => ({
        path,
        health: pathsOf("probe").includes(path),
        limited: derived.proxy.ratePerMinute > 0 && pathsOf("rest").includes(path),
      })),
    ssePingS: derived.server.ssePingS,
    eventStreams: ALL_ROUTES.filter(hasOwnTimers).map((route) => ({
      path: route.path,
      pattern: patternOf(route.path),
      sse: !isPublic(route.path),
      held: route.isHeld === true,
      film: route.bodyLimit === "asrBody",
      unbuffered: carries(route, "sse"),
      events: route.isHeld !== true,
    })),
  };
}

function hasOwnTimers(route: RouteSpec): boolean {
  return carries(route, "sse") || route.isHeld === true;
}

/** What is around the one parameter of a path; false without one. */
function patternOf(path: string): { readonly start: string; readonly end: string } | false {
  const [start, end] = path.split(/\{\w+\}/);
  return start === undefined || end === undefined ? false : { start, end };
}

export const ACME_WEBROOT = "/var/www/gigastt-acme";

export function nginxVersion(config: ResolvedConfig): string {
  return config.deploy.proxy.version === "auto" ? NEWEST_NGINX : config.deploy.proxy.version;
}

export function nginxConfigDir(config: ResolvedConfig, placement: Placement): string {
  return placement === "compose" ? "/etc/nginx" : (config.deploy.proxy.configDir ?? "/etc/nginx");
}

// ---

/** Log, pid and temporary files, and the workers' user where nginx starts as root. */
interface OwnFiles {
  readonly errorLog: string;
  readonly accessLog: string | undefined;
  readonly pid: string;
  readonly user: string | undefined;
  /** Empty = as compiled in. */
  readonly temporary: readonly { readonly module: string; readonly folder: string }[];
}

const OWN_FILES: Readonly<Record<"host" | "compose", OwnFiles & View>> = {
  host: {
    errorLog: "/var/log/nginx/error.log",
    accessLog: "/var/log/nginx/gigastt.access.log",
    pid: "/run/nginx.pid",
    user: "www-data",
    temporary: [],
  },
  compose: {
    errorLog: "/dev/stderr",
    accessLog: "/dev/stdout",
    pid: "/tmp/nginx.pid",
    user: undefined,
    temporary: temporaryBelow("/tmp"),
  },
};

/** Whole paths: with a space in it a word is quoted, and nothing may follow the quote. */
function temporaryBelow(dir: string): OwnFiles["temporary"] {
  return ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((module) => ({ module, folder: `${dir}/${module}` }));
}

function managedFiles(place: ManagedPlace): OwnFiles & View {
  return {
    // The word, not /dev/stderr: that cannot be opened where standard error is a socket, as for children of the supervisor.
    errorLog: "stderr",
    // No file, which would grow without limit; the server logs every request.
    accessLog: undefined,
    pid: place.pidFile,
    user: place.root ? "www-data" : undefined,
    temporary: place.root ? [] : temporaryBelow(place.tempDir),
  };
}

function upstreamView(config: ResolvedConfig, placement: Placement, version: Version): View {
  const address = upstreamAddress(config, placement);
  // A literal name is resolved once at start: after the container is recreated every request would end in 502.
  const byName = placement === "compose";
  const resolves = byName && isAtLeast(version, 1, 27, 3);
  return {
    address,
    pool: !byName || resolves,
    resolve: resolves,
    resolver: byName,
    variable: byName && !resolves,
  };
}

function tlsView(config: ResolvedConfig, placement: Placement, domain: string, postQuantum: boolean): View {
  const { tls, auth } = config.deploy;
  // In compose the init step copies certbot's files to where the unprivileged proxy may read them.
  const acme = tls.mode === "acme" && placement !== "compose";
  return {
    certificate: acme ? `/etc/letsencrypt/live/${domain}/fullchain.pem` : tlsPath(config, placement, "certificateFile"),
    key: acme ? `/etc/letsencrypt/live/${domain}/privkey.pem` : tlsPath(config, placement, "privateKeyFile"),
    ciphers: CIPHERS,
    // OpenSSL before 3.5 refuses the whole list because of the unknown name.
    curves: postQuantum ? "X25519MLKEM768:X25519:prime256v1:secp384r1" : "X25519:prime256v1:secp384r1",
    clients: auth.kind === "mtls" ? { ca: tlsPath(config, placement, "clientCaFile") } : false,
  };
}

function forwardUrl(config: ResolvedConfig): string {
  const { origin, uri } = forwardView(config);
  return origin + uri;
}
