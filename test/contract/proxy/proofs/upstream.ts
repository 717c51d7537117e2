import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { handshakeAnswer } from "./wire.ts";

/** A request as it reached the server behind the proxy. */
export interface Arrived {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** The client or the proxy gave up before the answer was complete. */
  isAbandoned: boolean;
  /** Its whole body came. */
  isComplete: boolean;
}

/** The server behind a proxy under proof: it shows what reached it, and is slow, silent or rude where a path says so. */
export interface Upstream {
  readonly port: number;
  readonly arrived: readonly Arrived[];
  close(): Promise<void>;
}

/** Answers after a second. */
export const SLOW = "/v1/models?slow";
/** Sends five events of about 600 bytes, 200 ms apart. */
export const EVENTS = "/v1/transcribe/stream";
/** A request that reuses a connection after this much silence meets a server that is just closing it. */
const KEPT_MS = 600;
const SLOW_MS = 1000;
const ROUTES = /^\/(?:health|ready|metrics|v1\/(?:models|ws|transcribe(?:\/stream)?))?(?:\?|$)/;

/** Starts it on a port, or on a free one. */
export async function startUpstream(port = 0): Promise<Upstream> {
  const arrived: Arrived[] = [];
  const restsSinceMs = new WeakMap<Socket, number>();
  const record = ({ url = "", headers }: IncomingMessage): Arrived => {
    const entry = { url, headers, isAbandoned: false, isComplete: false };
    arrived.push(entry);
    return entry;
  };
  const server: Server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const since = restsSinceMs.get(request.socket);
    if (since !== undefined && performance.now() - since > KEPT_MS) return void request.socket.destroy();
    const entry = record(request);
    response.on("close", () => {
      entry.isAbandoned = !response.writableFinished;
      restsSinceMs.set(request.socket, performance.now());
    });
    request.on("error", () => {});
    request.resume();
    request.on("end", () => {
      entry.isComplete = true;
      const { url = "" } = request;
      if (url === EVENTS) return sendEvents(response);
      response.statusCode = ROUTES.test(url) ? 200 : 404;
      response.setHeader("Content-Security-Policy", "default-src 'self'");
      // As the server does for a page that it allows.
      if (request.headers.origin !== undefined)
        response.setHeader("Access-Control-Allow-Origin", request.headers.origin);
      if (url === SLOW) setTimeout(() => response.end("slow"), SLOW_MS);
      else response.end("fast");
    });
  });
  // A session that says nothing.
  server.on("upgrade", (request, socket) => {
    record(request);
    socket.on("error", () => {});
    socket.write(handshakeAnswer(request.headers["sec-websocket-key"] ?? ""));
  });
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  return {
    port: (server.address() as AddressInfo).port, // a TCP server
    arrived,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

// ---

function sendEvents(response: ServerResponse): void {
  response.writeHead(200, { "Content-Type": "text/event-stream", "X-Accel-Buffering": "no" });
  let sent = 0;
  const send = (): void => {
    sent += 1;
    response.write(`data: {"n":${sent},"text":"${"a b ".repeat(150)}"}\n\n`);
    setTimeout(sent < 5 ? send : () => response.end(), 200);
  };
  send();
}
