import type { ResolvedConfig } from "../config/types.ts";
import type { Derived } from "../config/derived.ts";

/** What every view model is made from. */
export interface RenderInput {
  readonly config: ResolvedConfig;
  readonly derived: Derived;
  /** For the placement `managed`. */
  readonly managed?: ManagedPlace;
}

/** The version and the configuration that files are rendered from; goes into every header. */
export interface RenderSource {
  readonly toolVersion: string;
  /** SHA-256 of the resolved configuration, hex. */
  readonly configHash: string;
}

/** Where the proxy runs, which decides addresses and paths. `managed`: a child of the supervisor, everything in its folder. */
export type Placement = "host" | "compose" | "managed";

/** The place of a proxy that runs as a child of the supervisor. Absolute paths. */
export interface ManagedPlace {
  /** Folder of the rendered files. */
  readonly configDir: string;
  /** Folder for the proxy's own temporary files. */
  readonly tempDir: string;
  readonly adminSocket: string;
  readonly pidFile: string;
  /** It runs as root: nginx then hands its workers to another user, who cannot reach into a private folder. */
  readonly root: boolean;
}

/** Returns the managed place, which that placement always comes with. */
export function managedPlace({ managed }: RenderInput): ManagedPlace {
  if (managed === undefined) throw new Error("a managed proxy is rendered for a place");
  return managed;
}

/** A rendered file before its header: path below the output folder, forward slashes. */
export interface RenderedBody {
  readonly path: string;
  readonly body: string;
  /** How a comment starts in this format. */
  readonly comment: "#" | "//" | "json" | "xml";
  /** Permission bits; default 0644. */
  readonly mode?: number;
}

/** Returns the server as the proxy dials it. */
export function upstreamAddress(config: ResolvedConfig, placement: Placement): string {
  if (placement === "compose") return `gigastt:${config.server.port}`;
  const host = config.server.host;
  if (host === "0.0.0.0") return `127.0.0.1:${config.server.port}`;
  if (host === "::") return `[::1]:${config.server.port}`;
  return host.includes(":") ? `[${host}]:${config.server.port}` : `${host}:${config.server.port}`;
}

/** Returns the ports the proxy itself listens on: inside a container always the standard ones, published on the configured ones. */
export function listenPorts(
  config: ResolvedConfig,
  placement: Placement,
): { readonly http: number; readonly https: number } {
  if (placement === "compose") return { http: 80, https: 443 };
  return { http: config.deploy.httpPort, https: config.deploy.httpsPort };
}

/** Returns the folder of the secrets as the proxy sees it. */
export function secretsDir(config: ResolvedConfig, placement: Placement): string {
  return placement === "compose" ? "/run/gigastt/secrets" : config.deploy.secretsDir;
}

/** Names of the TLS files in the folder `tls/` of a compose project. */
export const tlsFileNames = {
  certificateFile: "server.pem",
  privateKeyFile: "server.key",
  clientCaFile: "clients-ca.pem",
} as const;

/** Returns a path of the TLS files as the proxy sees it: in compose the init step copies them into the proxy's own volume. */
export function tlsPath(config: ResolvedConfig, placement: Placement, which: keyof typeof tlsFileNames): string {
  const { proxy, tls } = config.deploy;
  if (placement !== "compose") return tls[which];
  if (which !== "clientCaFile" && proxy.kind === "nginx" && tls.mode === "acme") {
    return `/run/gigastt/tls/${which === "certificateFile" ? "fullchain.pem" : "privkey.pem"}`;
  }
  return `/run/gigastt/tls/${tlsFileNames[which]}`;
}

/** Returns true when every route needs a client certificate before HTTP begins. */
export function isStrictMtls(config: ResolvedConfig): boolean {
  return config.deploy.auth.kind === "mtls" && config.deploy.publicPaths.length === 0;
}

/** Headers by which a client may claim another address, besides those that the proxy writes itself. */
export const FOREIGN_ADDRESS_HEADERS: readonly string[] = [
  "Forwarded",
  "X-Client-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
  "X-Cluster-Client-IP",
  "X-Original-Forwarded-For",
];
