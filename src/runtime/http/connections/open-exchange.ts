import type { IncomingMessage, ServerResponse } from "node:http";
import { ROUTES, pathsOf } from "../../../shared/protocol.ts";
import type { RuntimeContext } from "../../context.ts";
import { logAccess } from "./access-log.ts";
import { withError } from "../../tracing/trace.ts";
import type { Exchange } from "./exchanges.ts";
import { trailerFault } from "../request-form.ts";
import { requestId } from "../request-id.ts";

/** Asked every few seconds, by machines and by an open status page. */
const POLLED_PATHS: ReadonlySet<string> = new Set([
  ...pathsOf("probe", "metrics"),
  ROUTES.consoleStatus.path,
  ROUTES.consoleSupervisor.path,
]);

/** Opens the exchange of a request: its id, its client, and at its end one log line and its metrics. */
export function openExchange(
  req: IncomingMessage,
  res: ServerResponse,
  context: RuntimeContext,
  expectsContinue: boolean,
): Exchange {
  const { clock, metrics, log } = context;
  const id = requestId(req.headers["x-request-id"], clock);
  const method = req.method ?? "other";
  const startedMs = clock.monotonicMs();
  const trace = context.tracing.begin({
    name: method,
    kind: "server",
    startMs: startedMs,
    attributes: { "http.request.method": method, "gigastt.request_id": id },
    traceparent: context.isProxy(req.socket.remoteAddress) ? single(req.headers["traceparent"]) : undefined,
  });
  const client = clientOf(req, context);
  const exchange = context.exchanges.open({ req, res, requestId: id, client, startedMs, trace, expectsContinue });
  const sentBefore = req.socket.bytesWritten;
  // The first listener: the reader of the body sees the refusal before the end.
  req.once("end", () => {
    const fault = trailerFault(req);
    if (fault !== undefined) exchange.abort(fault);
  });
  res.once("close", () => {
    const ms = clock.monotonicMs() - exchange.startedMs;
    // nginx's 499: the client closed before it was answered.
    const status = res.headersSent && res.writableFinished ? res.statusCode : 499;
    metrics.request(method, exchange.route, status, ms / 1000, { request_id: id, trace_id: trace?.id });
    const isPolled = POLLED_PATHS.has(exchange.route);
    if (!isPolled) {
      const attributes = { "http.route": exchange.route, "http.response.status_code": status };
      const outcome = { name: `${method} ${exchange.route}`, isFailed: status >= 500 };
      if (exchange.repliedMs !== undefined) trace?.step("answer", exchange.repliedMs, clock.monotonicMs());
      trace?.end(clock.monotonicMs(), withError(attributes, exchange.fields["code"]), outcome);
    }
    // The supervisor's own health checks are not work: `status` would show requests on an idle machine.
    if (!isPolled) context.stats.record(status, ms);
    const line = {
      request_id: id,
      ...(trace === undefined ? {} : { trace_id: trace.id }),
      method: req.method,
      route: exchange.route,
      status,
      ms: Math.round(ms),
    };
    logAccess(
      req,
      {
        client: exchange.client.address,
        key: exchange.use?.key,
        status,
        bytes: req.socket.bytesWritten - sentBefore,
        durationMs: ms,
        requestId: id,
      },
      isPolled,
      context,
    );
    log[isPolled ? "debug" : "info"]("request_end", { ...line, ...exchange.fields });
  });
  return exchange;
}

/** Returns the client of a request, as its socket and the headers of a trusted proxy say. */
export function clientOf(req: IncomingMessage, context: RuntimeContext): Exchange["client"] {
  return context.clientOf(req.socket.remoteAddress, {
    forwardedFor: single(req.headers["x-forwarded-for"]),
    realIp: single(req.headers["x-real-ip"]),
  });
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}
