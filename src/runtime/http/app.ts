import type { IncomingMessage } from "node:http";
import { H3 } from "h3";
import type { H3Event, HTTPMethod, Middleware } from "h3";
import { WireError } from "../../shared/errors.ts";
import { ALL_ROUTES, allowedMethods, answersPreflight } from "../../shared/protocol.ts";
import type { HttpMethod, RouteSpec } from "../../shared/protocol.ts";
import type { RuntimeContext } from "../context.ts";
import { handlers } from "../handlers.ts";
import { errorForm } from "../../shared/error-forms.ts";
import { ClientGone, toWireError } from "./replies/errors.ts";
import type { Exchange } from "./connections/exchanges.ts";
import type { RouteRequest } from "../route.ts";
import { checksHost, requireHost, requireKey, requireOrigin, requireToken } from "../access/policies.ts";
import { speaksTus, tusHeaders } from "../jobs/tus-headers.ts";
import { toResponse } from "./replies/reply.ts";
import type { Reply } from "./replies/reply.ts";
import { meantRoute } from "./meant-route.ts";
import { requestFault } from "./request-form.ts";

type Answer = (exchange: Exchange, request: RouteRequest) => Reply | Promise<Reply>;

declare module "h3" {
  interface H3EventContext {
    /** The request and its answer; of a request that comes over a socket it is found by itself. */
    exchange?: Exchange;
  }
}

/** The h3 app: routes from the table with their policies as middleware, one error envelope around all of them. */
export function createApp(context: RuntimeContext): H3 {
  // Malformed URLs go to the envelope too: our error format, not the router's.
  const app = new H3({ silent: true, allowMalformedURL: true });
  app.use((event, next) => envelope(event, next, context));

  /** A policy as middleware: it throws its refusal, or returns headers for whatever is answered behind it. */
  const policy =
    (check: (exchange: Exchange) => Readonly<Record<string, string>> | void): Middleware =>
    (event, next) => {
      const headers = check(exchangeOf(event, context)) ?? {};
      for (const [name, value] of Object.entries(headers)) event.res.headers.set(name, value);
      return next();
    };
  const policies = {
    host: policy(({ req }) => requireHost(req, context)),
    origin: (methods: readonly HttpMethod[]) => policy(({ req }) => requireOrigin(req, context, methods)),
    token: policy(({ client }) => requireToken(client, context)),
    key: (route: RouteSpec) => policy((exchange) => requireKey(exchange, route, context)),
  };
  const on = (method: HTTPMethod | "", route: RouteSpec | undefined, answer: Answer, isServed = false): void => {
    const middleware = [
      ...(checksHost(route) ? [policies.host] : []),
      ...(route?.checksOrigin === true ? [policies.origin(route.methods)] : []),
      ...(isServed && route?.isLimited === true ? [policies.token] : []),
      ...(isServed && route !== undefined ? [policies.key(route)] : []),
    ];
    app.on(
      method,
      route === undefined ? UNMATCHED : patternOf(route),
      (event) => answer(exchangeOf(event, context), requestOf(event)),
      {
        middleware,
      },
    );
  };

  for (const route of Object.values(handlers)) {
    const answer: Answer = (exchange, request) => route.handle(exchange, context, request);
    for (const method of route.methods) on(method, route, answer, true);
    if (route.methods.includes("GET")) on("HEAD", route, answer, true);
  }
  for (const route of ALL_ROUTES) {
    if (answersPreflight(route)) on("OPTIONS", route, () => ({ status: 204 }));
    on("", route, (exchange) =>
      route.traffic === "websocket" && exchange.req.method === "GET"
        ? askForUpgrade(exchange, route)
        : refuseMethod(exchange, route),
    );
  }
  on("", undefined, ({ req }) => {
    const meant = meantRoute(pathOf(req));
    const cure =
      meant === undefined
        ? `see ${OPEN_PATHS.join(", ")}`
        : `${meant.path} is one: check the address, or "base URL", that the client is set to`;
    throw new WireError("not_found", `no such route; ${cure}`);
  });
  return app;
}

/** Path pattern of the answer to everything that no route takes. */
const UNMATCHED = "/**";
const ROUTE_OF_PATTERN = new Map(ALL_ROUTES.map((route) => [patternOf(route), route]));

/** The router's way of writing a path. */
function patternOf({ path }: RouteSpec): string {
  return path.replace(/\{(\w+)\}/g, ":$1");
}

function pathOf({ url = "/" }: IncomingMessage): string {
  return url.split("?", 1)[0] ?? "/";
}

function requestOf({ url, context }: H3Event): RouteRequest {
  return { query: url.searchParams, params: context.params ?? {} };
}

/** Around every route: what was thrown becomes an error reply, and every reply gets its id. */
async function envelope(event: H3Event, next: () => unknown, context: RuntimeContext): Promise<unknown> {
  const exchange = exchangeOf(event, context);
  event.context.exchange = exchange;
  const headers: Record<string, string> = { "x-request-id": exchange.requestId };
  const route = ROUTE_OF_PATTERN.get(event.context.matchedRoute?.route ?? UNMATCHED);
  exchange.face = (route ?? meantRoute(pathOf(exchange.req)))?.face ?? "native";
  if (route !== undefined && speaksTus(route)) {
    Object.assign(headers, tusHeaders(exchange.req.method, context.settings.current.jobs.uploadBytes));
  }
  let reply: Reply;
  try {
    exchange.signal.throwIfAborted();
    const fault = requestFault(exchange.req);
    if (fault !== undefined) {
      headers["connection"] = "close";
      throw fault;
    }
    if (route !== undefined) exchange.route = route.path;
    reply = (await next()) as Reply; // what `on` registers answers with
    // The rest of the request turned out to be broken while it was answered.
    if (!exchange.req.complete) exchange.signal.throwIfAborted();
  } catch (error) {
    reply = errorReply(error, exchange, context);
  }
  if (context.phase.draining || context.phase.handedOver) headers["connection"] = "close";
  exchange.repliedMs = context.clock.monotonicMs();
  exchange.res.setTimeout(context.timing.slowReaderMs, () => exchange.res.destroy());
  return toResponse(reply, headers, exchange);
}

function errorReply(thrown: unknown, exchange: Exchange, context: RuntimeContext): Reply {
  // The reason of the abort is the truth; what the engine made of it does not matter.
  const error: unknown = exchange.signal.aborted ? exchange.signal.reason : thrown;
  if (error instanceof ClientGone) return { status: 499 };
  const wire = toWireError(error);
  exchange.fields["code"] = wire.wireCode;
  context.metrics.error(wire.wireCode);
  if (wire.status >= 500 && wire.cause !== undefined) {
    context.log.error("request_failed", { request_id: exchange.requestId, route: exchange.route, err: wire.cause });
  }
  return { status: wire.status, ...errorForm(wire, exchange.face) };
}

const OPEN_PATHS = ALL_ROUTES.filter((route) => route.access !== "closed" && route.replacedBy === undefined).map(
  ({ path }) => path,
);

function refuseMethod(exchange: Exchange, route: RouteSpec): Reply {
  const allowed = allowedMethods(route);
  return refusal(exchange, "method_not_allowed", `${route.path} allows ${allowed.join(", ")} only`, 405, {
    allow: allowed.join(", "),
  });
}

function askForUpgrade(exchange: Exchange, { path }: RouteSpec): Reply {
  return refusal(exchange, "bad_request", `${path} is a WebSocket endpoint; send an upgrade request`, 426, {
    upgrade: "websocket",
    connection: "Upgrade, close",
  });
}

function refusal(
  exchange: Exchange,
  code: "method_not_allowed" | "bad_request",
  message: string,
  status: number,
  headers: Record<string, string>,
): Reply {
  exchange.fields["code"] = code;
  const { headers: own, body } = errorForm(new WireError(code, message, { status }), exchange.face);
  return { status, headers: { ...own, ...headers }, body };
}

function exchangeOf(event: H3Event, context: RuntimeContext): Exchange {
  const req = event.runtime?.node?.req as IncomingMessage; // our own http.Server calls the app, never HTTP/2 or another runtime
  const exchange = event.context.exchange ?? context.exchanges.of(req);
  if (exchange === undefined) throw new Error("a request reached the app without passing the HTTP server");
  return exchange;
}
