import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { Server as TlsServer } from "node:tls";
import { WireError } from "../../../shared/errors.ts";
import { createTurns } from "../../../shared/time/turns.ts";
import type { RuntimeContext } from "../../context.ts";
import type { ClientConnections } from "./client-connections.ts";
import { createConnection, onBehalfOf } from "./connection.ts";
import { onHalfClose } from "./half-close.ts";
import type { Connection } from "./connection.ts";
import { lingerAtEnd } from "./lingering-close.ts";
import { createReadTurns, meterReads, readThroughStream } from "./metered-reads.ts";
import type { ReadMeter } from "./metered-reads.ts";
import { createReadCost } from "./read-cost.ts";
import { asksForWebSocket, ignoreUpgrade } from "./foreign-upgrade.ts";
import { openExchange } from "./open-exchange.ts";
import { writeRawError } from "../replies/raw-response.ts";
import { requestId } from "../request-id.ts";

export type RequestHandler = (req: IncomingMessage, res: ServerResponse) => unknown;
export type UpgradeHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => void;
type Expectation = "none" | "continue" | "unknown";
type ParseError = Error & { readonly code?: string };

/** Connects an HTTP server, our own or listhen's, to the runtime: every event of Node's becomes a turn of its connection. */
export function attach(
  server: Server,
  context: RuntimeContext,
  clients: ClientConnections,
  handler: RequestHandler,
  onUpgrade: UpgradeHandler,
): void {
  // Node would close its own side at once. Its types leave it out.
  Object.assign(server, { httpAllowHalfOpen: true });
  const connections = new WeakMap<object, Connection>();
  const reads = createReadTurns();
  const costs = createReadCost();
  const pipelined = createTurns(0);
  const meters = new WeakMap<object, ReadMeter>();
  const connectionOf = (socket: Socket): Connection => {
    const known = connections.get(socket);
    if (known !== undefined) return known;
    const share = clients.open(socket);
    const connection = createConnection(socket, share.waiting, pipelined);
    connections.set(socket, connection);
    socket.once("end", () => onHalfClose(connection, context.timing.pausedProbeMs));
    const refuseCostly = (bytes: number, tookMs: number): void => {
      const { newest } = connection;
      if (newest === undefined || newest.complete) return;
      if (costs.isTooMuch(newest, bytes, tookMs)) endWithFault(newest, tooCostly());
    };
    const meter = onBehalfOf(connection, () => meterReads(socket, reads, share, refuseCostly));
    meters.set(socket, meter);
    lingerAtEnd(socket, meter, context.closing, context.timing.lingerMs);
    return connection;
  };
  /** The request itself gets the error as its answer, and the connection ends after it. */
  const endWithFault = (req: IncomingMessage, fault: WireError): void => {
    const exchange = context.exchanges.of(req);
    if (exchange === undefined) brokenBodies.set(req, fault);
    else exchange.abort(fault);
    connectionOf(req.socket).take({
      isLast: true,
      run: () => {
        req.socket.destroySoon();
        return "taken";
      },
    });
  };
  wrapConnectionListeners(server, (socket, listen) =>
    onBehalfOf(connectionOf(socket), () => {
      listen();
      readThroughStream(socket);
    }),
  );

  const takeRequest = (req: IncomingMessage, res: ServerResponse, expectation: Expectation): void => {
    const run = (): ServerResponse => {
      const exchange = openExchange(req, res, context, expectation === "continue");
      const { refusal, release } = clients.enter(req);
      res.once("close", release);
      const fault = brokenBodies.get(req) ?? refusal ?? (expectation === "unknown" ? unknownExpectation() : undefined);
      // The body of an unknown expectation may follow or not.
      if (expectation === "unknown" || clients.isSurplus(req.socket)) res.shouldKeepAlive = false;
      if (fault !== undefined) exchange.abort(fault);
      handler(req, res);
      return res;
    };
    connectionOf(req.socket).take({ req, run });
  };
  /** Faults of bodies whose request still waits. */
  const brokenBodies = new WeakMap<IncomingMessage, WireError>();

  server.on("request", (req, res) => takeRequest(req, res, "none"));
  server.on("checkContinue", (req: IncomingMessage, res: ServerResponse) => takeRequest(req, res, "continue"));
  server.on("checkExpectation", (req: IncomingMessage, res: ServerResponse) => takeRequest(req, res, "unknown"));

  server.on("connect", (req: IncomingMessage, socket: Socket) => {
    const run = (): "taken" => {
      const wire = new WireError("method_not_allowed", "this server is not a proxy; CONNECT is not supported");
      refuse(socket, context, wire, "connect_refused", requestId(req.headers["x-request-id"], context.clock), {
        allow: "GET, POST",
      });
      return "taken";
    };
    connectionOf(socket).take({ req, run, isLast: true, isDetached: true });
  });

  server.on("upgrade", (req: IncomingMessage, socket: Socket, head: Buffer) => {
    const isWebSocket = asksForWebSocket(req);
    // Its frames are metered on their own.
    if (isWebSocket) meters.get(socket)?.release();
    const run = (): "open" | "taken" => {
      if (!isWebSocket) {
        ignoreUpgrade(server, req, socket, head);
        return "open";
      }
      const { refusal, release } = clients.enter(req);
      socket.once("close", release);
      if (refusal === undefined) onUpgrade(req, socket, head);
      else refuse(socket, context, refusal, "upgrade_refused", requestId(req.headers["x-request-id"], context.clock));
      return "taken";
    };
    connectionOf(socket).take({ req, run, isLast: isWebSocket, isDetached: true });
  });

  server.on("clientError", (error: ParseError, socket: Socket) => {
    if (!socket.writable || error.code === "ECONNRESET") return void socket.destroy();
    const connection = connectionOf(socket);
    const { newest } = connection;
    const wire = brokenRequest(error.code);
    if (newest === undefined || newest.complete) {
      const run = (): "taken" => {
        context.metrics.request("other", "unparsed", wire.status, 0);
        refuse(socket, context, wire, "request_unparsable", requestId(undefined, context.clock), {}, error.code);
        return "taken";
      };
      return connection.take({ run, isLast: true });
    }
    if (error.code === "ERR_HTTP_REQUEST_TIMEOUT") {
      const exchange = context.exchanges.of(newest);
      // Node counts from the request's first byte; a request that waited behind another was kept from sending.
      const ownMs = exchange === undefined ? 0 : context.clock.monotonicMs() - exchange.startedMs;
      if (ownMs < server.requestTimeout) return;
    }
    endWithFault(newest, wire);
  });
}

/** Lets the server's own listeners of new connections, which create the parser, run inside of something. */
function wrapConnectionListeners(server: Server, around: (socket: Socket, listen: () => void) => void): void {
  // A TLS server's "connection" is the bare socket before its handshake.
  const event = server instanceof TlsServer ? "secureConnection" : "connection";
  const listeners = server.listeners(event);
  server.removeAllListeners(event);
  server.on(event, (socket: Socket) =>
    around(socket, () => listeners.forEach((listen) => listen.call(server, socket))),
  );
}

/** Answers on the bare socket and ends the connection. */
function refuse(
  socket: Socket,
  { metrics, log }: RuntimeContext,
  wire: WireError,
  event: string,
  id: string,
  headers: Readonly<Record<string, string>> = {},
  reason?: string,
): void {
  socket.on("error", () => {});
  metrics.error(wire.wireCode);
  log.debug(event, { request_id: id, status: wire.status, ...(reason === undefined ? {} : { reason }) });
  writeRawError(socket, wire, { "x-request-id": id, ...headers });
}

function tooCostly(): WireError {
  return new WireError("bad_request", "the body arrives in too many very small chunks; send chunks of 1 KiB or more");
}

function unknownExpectation(): WireError {
  return new WireError("bad_request", "this Expect header is not known; only 100-continue is", { status: 417 });
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
