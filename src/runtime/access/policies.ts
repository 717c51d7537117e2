import type { IncomingMessage } from "node:http";
import { TLSSocket } from "node:tls";
import { WireError } from "../../shared/errors.ts";
import type { RouteSpec } from "../../shared/protocol.ts";
import type { RuntimeContext } from "../context.ts";
import type { Exchange } from "../http/connections/exchanges.ts";
import type { ClientAddress } from "./client-address.ts";
import type { KeyedRoute, KeyUse } from "./keys.ts";
import { checkOrigin, corsHeaders } from "./origin.ts";
import { isOwnPage } from "./own-page.ts";

/** The policies a route carries, for HTTP requests and WebSocket upgrades alike. Each throws the refusal. */

/** Refuses a request that addresses this server by a name that is not its own. */
export function requireHost(req: IncomingMessage, context: RuntimeContext): void {
  if (context.isIngress(req.socket.remoteAddress)) return;
  for (const host of namesIn(req)) {
    if (context.allowsHost(host)) continue;
    throw new WireError("host_denied", `the host ${host} is not allowed; list it in server.allowedHosts`);
  }
}

/** Refuses pages of other origins; returns the CORS headers of an allowed one. */
export function requireOrigin(
  req: IncomingMessage,
  context: RuntimeContext,
  methods: readonly string[] = [],
): Readonly<Record<string, string>> {
  // The proxy knows its own pages, and its origin is also this page's.
  if (context.isIngress(req.socket.remoteAddress)) return {};
  const { origin, host } = req.headers;
  const scheme = req.socket instanceof TLSSocket ? "https" : "http";
  const own = host === undefined ? undefined : `${scheme}://${host}`;
  const verdict = checkOrigin(origin, context.settings.current.server, own);
  if (!verdict.allowed) {
    throw new WireError("origin_denied", "this origin is not allowed; list it in server.allowedOrigins");
  }
  return corsHeaders(verdict, methods, req.headers);
}

/** Refuses what changes the server unless the server's own page asks: browsers would send it for any page on this machine. */
export function requireOwnPage(req: IncomingMessage, { settings }: RuntimeContext): void {
  if (req.headers.origin !== undefined && isOwnPage(req, settings.current.server.allowedOrigins)) return;
  throw new WireError("origin_denied", "only the page of this server may ask for this");
}

/** Takes one token of the client's bucket. A replica that only runs jobs takes no requests. */
export function requireToken(client: ClientAddress, { limiter, metrics, settings }: RuntimeContext): void {
  if (settings.current.jobs.role === "worker") {
    throw new WireError(
      "not_found",
      "this replica runs jobs (jobs.role: worker); send requests to one with the role api",
    );
  }
  const waitMs = limiter.take(client.key);
  if (waitMs === undefined) return;
  metrics.rateLimited();
  throw new WireError("rate_limit_exceeded", "too many requests from this address; wait for the time given", {
    retryAfterMs: waitMs,
  });
}

/** Refuses a request without an API key that allows this route. A key that is revoked ends the request; a quota that runs out does not. */
export function requireKey(exchange: Exchange, route: RouteSpec, context: RuntimeContext): void {
  const use = admit(exchange.req, route, context);
  if (use === undefined) return;
  exchange.use = use;
  exchange.fields["key"] = use.key;
  use.onEnd((error) => {
    if (error.wireCode !== "quota_exceeded") exchange.abort(error);
  });
  exchange.res.once("close", use.release);
}

/** The same for an upgrade. The place that the key holds is given back with the connection, also where no session comes of it. */
export function requireSessionKey(
  req: IncomingMessage,
  route: KeyedRoute,
  context: RuntimeContext,
): KeyUse | undefined {
  const use = admit(req, route, context);
  if (use !== undefined) req.socket.once("close", use.release);
  return use;
}

/** Probes answer under every name: load balancers and monitors choose their own. */
export function checksHost(route: Pick<RouteSpec, "traffic"> | undefined): boolean {
  return route?.traffic !== "probe";
}

// ---

/** Users of a proxy that signs them in need no key. One that is sent all the same counts. */
function admit(req: IncomingMessage, route: KeyedRoute, { keys, isIngress }: RuntimeContext): KeyUse | undefined {
  if (isIngress(req.socket.remoteAddress) && keys.holder(req) === undefined) return undefined;
  return keys.admit(req, route);
}

/** RFC 9112 3.2.2: a request target with an authority overrides `Host`. An HTTP/1.0 request may have neither. */
function namesIn({ headers, url = "" }: IncomingMessage): readonly string[] {
  const authority = /^[a-z][\w+.-]*:\/\/([^/?#]*)/i.exec(url)?.[1];
  return [headers.host ?? "", ...(authority === undefined ? [] : [authority])];
}
