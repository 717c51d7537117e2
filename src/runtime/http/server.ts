import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { requestTimeoutMs } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { WireError } from "../../shared/errors.ts";
import { pathsOf } from "../../shared/protocol.ts";
import type { RuntimeContext } from "../context.ts";
import { asksForWebSocket, ignoreUpgrade } from "./foreign-upgrade.ts";
import { writeRawError } from "./raw-response.ts";
import { requestId } from "./request-id.ts";
import { serverOptions } from "./server-options.ts";

export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => unknown;
export type UpgradeHandler = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** Asked every few seconds by machines. */
const POLLED_PATHS = pathsOf("probe", "metrics");

/** The HTTP server: every request becomes an exchange with an id, a client and one log line before a route sees it. */
export function createHttpServer(context: RuntimeContext, handler: RequestHandler, onUpgrade: UpgradeHandler): Server {
  const server = createServer(serverOptions(context.settings.current.server.headersTimeoutMs));
  configureServer(server, context);
  attach(server, context, handler, onUpgrade);
  return server;
}

/** Sets the time limits, now and after each reload. */
export function configureServer(server: Server, { settings }: RuntimeContext): void {
  const apply = (config: ResolvedConfig): void => {
    server.keepAliveTimeout = config.server.keepAliveTimeoutMs;
    server.headersTimeout = config.server.headersTimeoutMs;
    server.requestTimeout = requestTimeoutMs(config);
  };
  apply(settings.current);
  settings.onChange(apply);
}

/** Connects a server of anybody's making (ours, or listhen's) to the runtime. */
export function attach(
  server: Server,
  context: RuntimeContext,
  handler: RequestHandler,
  onUpgrade: UpgradeHandler,
): void {
  const answering = new WeakMap<Duplex, ServerResponse>();
  const endWithConnection = followConnections();

  const onRequest = (req: IncomingMessage, res: ServerResponse, expectsContinue: boolean): void => {
    answering.set(req.socket, res);
    endWithConnection(req.socket, res);
    openExchange(req, res, context, expectsContinue);
    handler(req, res);
  };

  server.on("request", (req, res) => onRequest(req, res, false));
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => onRequest(req, res, true));
  server.on("checkExpectation", (req: IncomingMessage, res: ServerResponse) => {
    const id = requestId(req.headers["x-request-id"], context.clock);
    res.detachSocket(req.socket);
    writeRawError(req.socket, new WireError("bad_request", "this Expect header is not known", { status: 417 }), {
      "x-request-id": id,
    });
  });
  server.on("connect", (req: IncomingMessage, socket: Duplex) => {
    socket.on("error", () => {});
    const id = requestId(req.headers["x-request-id"], context.clock);
    writeRawError(socket, new WireError("method_not_allowed", "this server is no proxy"), {
      "x-request-id": id,
      allow: "GET, POST",
    });
  });
  server.on("upgrade", (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (asksForWebSocket(req)) onUpgrade(req, socket, head);
    else ignoreUpgrade(server, req, socket, head);
  });
  server.on("clientError", (error: Error & { code?: string }, socket: Duplex) => {
    const response = answering.get(socket);
    // Half an answer is already on the wire: another one would only corrupt it.
    if (
      !socket.writable ||
      (response?.headersSent === true && !response.writableFinished) ||
      error.code === "ECONNRESET"
    ) {
      socket.destroy();
      return;
    }
    const wire = brokenRequest(error.code);
    context.metrics.error(wire.wireCode);
    context.metrics.request("other", "unparsed", wire.status, 0);
    const id = requestId(undefined, context.clock);
    context.log.debug("request_unparsable", { request_id: id, status: wire.status, reason: error.code });
    writeRawError(socket, wire, { "x-request-id": id });
  });
}

/**
 * Node tells the answer being sent that its connection is gone, and forgets the pipelined ones behind it: their "close" never comes, and
 * whoever waits for it, a drain for one, waits for ever.
 */
function followConnections(): (socket: Duplex, res: ServerResponse) => void {
  const answers = new WeakMap<Duplex, Set<ServerResponse>>();
  return (socket, res) => {
    let ofSocket = answers.get(socket);
    if (ofSocket === undefined) {
      const all = (ofSocket = new Set());
      answers.set(socket, all);
      socket.once("close", () => {
        for (const waiting of all) {
          if (waiting.socket !== null) continue;
          waiting.destroy();
          waiting.emit("close");
        }
      });
    }
    const mine = ofSocket;
    mine.add(res);
    res.once("close", () => mine.delete(res));
  };
}

function openExchange(
  req: IncomingMessage,
  res: ServerResponse,
  context: RuntimeContext,
  expectsContinue: boolean,
): void {
  const { clock, metrics, log } = context;
  const exchange = context.exchanges.open({
    req,
    res,
    requestId: requestId(req.headers["x-request-id"], clock),
    client: context.clientOf(req.socket.remoteAddress, {
      forwardedFor: single(req.headers["x-forwarded-for"]),
      realIp: single(req.headers["x-real-ip"]),
    }),
    startedMs: clock.monotonicMs(),
    expectsContinue,
  });
  res.once("close", () => {
    const ms = clock.monotonicMs() - exchange.startedMs;
    // nginx's 499: the client closed before it was answered.
    const status = res.headersSent && res.writableFinished ? res.statusCode : 499;
    metrics.request(req.method ?? "other", exchange.route, status, ms / 1000);
    context.stats.record(status, ms);
    const line = {
      request_id: exchange.requestId,
      method: req.method,
      route: exchange.route,
      status,
      ms: Math.round(ms),
    };
    log[POLLED_PATHS.includes(exchange.route) ? "debug" : "info"]("request_end", { ...line, ...exchange.fields });
  });
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(",") : header;
}

function brokenRequest(code: string | undefined): WireError {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return new WireError("bad_request", "the request's headers are larger than 16 KiB", { status: 431 });
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return new WireError("upload_timeout", "the request took too long to arrive");
    default:
      return new WireError("bad_request", "this is not a well-formed HTTP request");
  }
}
