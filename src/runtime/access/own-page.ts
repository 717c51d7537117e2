import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";

type Request = Pick<IncomingMessage, "headers" | "method"> & { readonly socket?: IncomingMessage["socket"] };

/**
 * Returns whether a page of this very server asks. Only then does the cookie of a sign-in count: browsers send it for pages of other ports
 * and of sibling domains, too.
 *
 * @param listed `server.allowedOrigins`: a proxy that drops the port from `Host` needs its origin there
 */
export function isOwnPage({ headers, method }: Request, listed: readonly string[]): boolean {
  // What the browser itself says, and no page can change. Sent to HTTPS and to localhost.
  const site = headers["sec-fetch-site"];
  if (site !== undefined && headers.upgrade === undefined) return site === "same-origin" || site === "none";
  const { origin, host = "" } = headers;
  // Browsers name the origin of everything that can change something, and of every WebSocket.
  if (origin === undefined) return site === undefined && headers.upgrade === undefined && SAFE.has(method ?? "");
  const page = hostOf(origin);
  if (page === undefined) return false;
  const isListed = listed.some((entry) => entry.toLowerCase() === origin.toLowerCase());
  return page.host === withoutPort(host.toLowerCase(), page.defaultPort) || (isListed && page.name === nameOf(host));
}

/** Returns whether the browser came over HTTPS, as far as the request says so. */
export function cameByHttps({ headers, socket }: Request): boolean {
  return (
    socket instanceof TLSSocket ||
    headers["x-forwarded-proto"] === "https" ||
    headers.origin?.startsWith("https://") === true
  );
}

// ---

const SAFE = new Set(["GET", "HEAD"]);

function hostOf(
  origin: string,
): { readonly host: string; readonly name: string; readonly defaultPort: string } | undefined {
  const [, scheme = "", host = ""] = /^(https?):\/\/([^/]+)$/.exec(origin.toLowerCase()) ?? [];
  if (host === "") return undefined;
  const defaultPort = scheme === "https" ? ":443" : ":80";
  return { host: withoutPort(host, defaultPort), name: nameOf(host), defaultPort };
}

function withoutPort(host: string, port: string): string {
  return host.endsWith(port) ? host.slice(0, -port.length) : host;
}

function nameOf(host: string): string {
  return host.toLowerCase().replace(/:\d+$/, "");
}
