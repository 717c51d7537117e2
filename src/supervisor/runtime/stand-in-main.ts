// Stands in for a runtime in a crash loop: answers every request with 503 on the inherited sockets, so that
// clients do not hang in a queue that no process reads.
import net from "node:net";
import http from "node:http";
import https from "node:https";
import { errorForm } from "../../shared/error-forms.ts";
import { WireError } from "../../shared/errors.ts";
import { ALL_ROUTES } from "../../shared/protocol.ts";
import type { Face } from "../../shared/protocol.ts";
import { FIRST_LISTEN_FD } from "../../shared/process/listen-fds.ts";
import type { StandInOrder } from "./stand-in.ts";

process.once("message", serve);

const MESSAGE = "The speech recognition service is down; its operator has been notified.";

function serve({ names, retryAfterS, tls }: StandInOrder): void {
  const servers = names.map((name, index) => {
    const server = name === "wyoming" ? refuseWyoming() : refuseHttp(retryAfterS, name === "http" ? tls : undefined);
    server.maxConnections = 1000;
    return server.listen({ fd: FIRST_LISTEN_FD + index });
  });
  const stop = (): void => {
    for (const server of servers) {
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
    }
    if (process.connected) process.disconnect();
  };
  process.once("SIGTERM", stop);
  process.once("disconnect", stop);
}

function faceOf(url: string): Face {
  const [path = ""] = url.split("?", 1);
  return ALL_ROUTES.find((route) => route.path === path)?.face ?? "native";
}

/** The protocol's own error, then the end. */
function refuseWyoming(): net.Server {
  const event = { type: "error", data: { text: MESSAGE, code: "initializing" } };
  return net.createServer((socket) => {
    socket.on("error", () => {});
    socket.setTimeout(5000, () => socket.destroy());
    socket.resume();
    socket.end(`${JSON.stringify(event)}\n`);
  });
}

function refuseHttp(retryAfterS: number, tls: StandInOrder["tls"]): http.Server | https.Server {
  const server =
    tls === undefined
      ? http.createServer()
      : https.createServer({ cert: tls.certificate, key: tls.privateKey, minVersion: "TLSv1.2" });
  const error = new WireError("initializing", MESSAGE, { retryAfterMs: retryAfterS * 1000 });
  server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
    request.resume();
    // Each protocol's clients get the form they expect: Bazarr stores any body as the subtitles.
    const { headers, body } = errorForm(error, faceOf(request.url ?? "/"));
    response.writeHead(503, { ...headers, connection: "close" });
    response.end(body);
  });
  server.on("upgrade", (_request, socket) => {
    socket.end(
      `HTTP/1.1 503 Service Unavailable\r\nretry-after: ${retryAfterS}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  return server;
}
