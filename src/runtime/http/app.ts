import type { IncomingMessage } from "node:http";
import { H3 } from "h3";
import type { H3Event, HTTPMethod } from "h3";
import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import { ClientGone, errorBody, errorHeaders, toWireError } from "./errors.ts";
import type { Exchange } from "./exchanges.ts";
import { corsHeaders, judgeOrigin } from "../access/origin.ts";
import { toResponse } from "./reply.ts";
import type { Reply } from "./reply.ts";
import { requestFault } from "./request-form.ts";
import { health } from "../native/routes/health.ts";
import { metricsRoute } from "../native/routes/metrics.ts";
import { models } from "../native/routes/models.ts";
import { ready } from "../native/routes/ready.ts";
import type { Route } from "../native/routes/route.ts";
import { transcribe } from "../native/routes/transcribe.ts";
import { transcribeStream } from "../native/routes/transcribe-stream.ts";

/** Every HTTP route but the WebSocket upgrades. */
export const ROUTES: readonly Route[] = [health, ready, models, transcribe, transcribeStream, metricsRoute];
/** Paths of the WebSocket upgrade; a plain request to them is answered 426. */
export const WEBSOCKET_PATHS: readonly string[] = ["/v1/ws", "/ws"];

type Answer = (exchange: Exchange, query: URLSearchParams) => Reply | Promise<Reply>;
type Policy = Pick<Route, "path" | "checksOrigin" | "isLimited">;

/** The h3 app: routes from the table, one pipeline around all of them, one error envelope. */
export function createApp(context: RuntimeContext): H3 {
  // Malformed URLs go to the pipeline too: our envelope, not the router's.
  const app = new H3({ silent: true, allowMalformedURL: true });
  const on = (method: HTTPMethod | "", policy: Policy, answer: Answer): void => {
    app.on(method, policy.path, (event) => run(event, context, policy, answer));
  };

  for (const route of ROUTES) {
    const answer: Answer = (exchange, query) => route.handle(exchange, context, query);
    on(route.method, route, answer);
    if (route.method === "GET") on("HEAD", route, answer);
    if (route.path.startsWith("/v1/")) on("OPTIONS", { ...route, isLimited: false }, () => ({ status: 204 }));
    on("", { ...route, isLimited: false }, (exchange) => refuseMethod(exchange, route));
  }
  for (const path of WEBSOCKET_PATHS) {
    const policy = { path, checksOrigin: true, isLimited: false };
    on("OPTIONS", policy, () => ({ status: 204 }));
    on("", policy, (exchange) => askForUpgrade(exchange, path));
  }
  on("", { path: "/**", checksOrigin: false, isLimited: false }, (exchange) => {
    exchange.route = "unmatched";
    throw new WireError(
      "not_found",
      "there is no such route; see /health, /ready, /v1/models, /v1/transcribe and /v1/ws",
    );
  });
  return app;
}

async function run(event: H3Event, context: RuntimeContext, policy: Policy, answer: Answer): Promise<unknown> {
  const exchange = exchangeOf(event, context);
  const { server } = context.settings.current;
  const headers: Record<string, string> = { "x-request-id": exchange.requestId };
  const originHeader = exchange.req.headers.origin;
  let reply: Reply;
  try {
    const fault = requestFault(exchange.req);
    if (fault !== undefined) {
      headers["connection"] = "close";
      throw fault;
    }
    exchange.route = policy.path;
    if (policy.checksOrigin) {
      const verdict = judgeOrigin(originHeader, server);
      Object.assign(headers, corsHeaders(verdict));
      if (!verdict.allowed)
        throw new WireError("origin_denied", "this origin is not allowed; list it in server.allowedOrigins");
    }
    if (policy.isLimited) takeToken(exchange, context);
    reply = await answer(exchange, event.url.searchParams);
  } catch (error) {
    reply = errorReply(error, exchange, context);
  }
  if (context.phase.draining || context.phase.handedOver) headers["connection"] = "close";
  exchange.res.setTimeout(context.timing.slowReaderMs, () => exchange.res.destroy());
  return toResponse(reply, headers, exchange, context.timing.lingerMs);
}

function errorReply(thrown: unknown, exchange: Exchange, context: RuntimeContext): Reply {
  // Whoever ended the work knows why; what the engine made of the abort does not matter.
  const error: unknown = exchange.signal.aborted ? exchange.signal.reason : thrown;
  if (error instanceof ClientGone) return { status: 499 };
  const wire = toWireError(error);
  exchange.fields["code"] = wire.wireCode;
  context.metrics.error(wire.wireCode);
  if (wire.status >= 500 && wire.cause !== undefined) {
    context.log.error("request_failed", { request_id: exchange.requestId, route: exchange.route, err: wire.cause });
  }
  return { status: wire.status, headers: errorHeaders(wire), body: JSON.stringify(errorBody(wire)) };
}

function takeToken(exchange: Exchange, { limiter, metrics }: RuntimeContext): void {
  const waitMs = limiter.take(exchange.client.key);
  if (waitMs === undefined) return;
  metrics.rateLimited();
  throw new WireError("rate_limit_exceeded", "too many requests from this address; wait for the time given", {
    retryAfterMs: waitMs,
  });
}

function refuseMethod(exchange: Exchange, route: Route): Reply {
  const allowed = [
    route.method,
    ...(route.method === "GET" ? ["HEAD"] : []),
    ...(route.path.startsWith("/v1/") ? ["OPTIONS"] : []),
  ];
  return refusal(exchange, "method_not_allowed", `${route.path} allows ${allowed.join(", ")} only`, 405, {
    allow: allowed.join(", "),
  });
}

function askForUpgrade(exchange: Exchange, path: string): Reply {
  if (exchange.req.method !== "GET") {
    return refusal(exchange, "method_not_allowed", `${path} allows GET only`, 405, { allow: "GET, OPTIONS" });
  }
  return refusal(exchange, "bad_request", `${path} speaks WebSocket; send an upgrade request`, 426, {
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
  const wire = new WireError(code, message, { status });
  return { status, headers: { ...errorHeaders(wire), ...headers }, body: JSON.stringify(errorBody(wire)) };
}

function exchangeOf(event: H3Event, context: RuntimeContext): Exchange {
  const req = event.runtime?.node?.req as IncomingMessage; // our own http.Server calls the app, never HTTP/2 or another runtime
  const exchange = context.exchanges.of(req);
  if (exchange === undefined) throw new Error("a request reached the app without passing the HTTP server");
  return exchange;
}
