// Stands in for a runtime in a crash loop: answers every request with 503 on the inherited socket, so that
// clients do not hang in a queue that no process reads.
import http from "node:http";
import https from "node:https";
import type { StandInOrder } from "./stand-in.ts";

process.once("message", serve);

function serve({ retryAfterS, tls }: StandInOrder): void {
  const server =
    tls === undefined
      ? http.createServer()
      : https.createServer({ cert: tls.certificate, key: tls.privateKey, minVersion: "TLSv1.2" });
  const body = JSON.stringify({
    error: "The speech recognition service is down; its operator has been notified.",
    code: "initializing",
    retry_after_ms: retryAfterS * 1000,
  });
  server.on("request", (request: http.IncomingMessage, response: http.ServerResponse) => {
    request.resume();
    response.writeHead(503, {
      "content-type": "application/json",
      "retry-after": String(retryAfterS),
      connection: "close",
    });
    response.end(body);
  });
  server.on("upgrade", (_request, socket) => {
    socket.end(
      `HTTP/1.1 503 Service Unavailable\r\nretry-after: ${retryAfterS}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
    );
  });
  server.requestTimeout = 10_000;
  server.headersTimeout = 5000;
  server.maxConnections = 1000;
  const stop = (): void => {
    server.close();
    server.closeAllConnections();
    if (process.connected) process.disconnect();
  };
  process.once("SIGTERM", stop);
  process.once("disconnect", stop);
  server.listen({ fd: 3 });
}
