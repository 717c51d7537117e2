// Stands in for a runtime in a crash loop: answers every request with an honest 503 on the inherited socket, so that
// clients do not hang in a queue nobody works off.
import http from "node:http";

const retryAfterS = Number(process.env["PLACEHOLDER_RETRY_AFTER_S"] ?? "60");
const body = JSON.stringify({
  error: "The speech recognition service is down; its operator has been told.",
  code: "initializing",
  retry_after_ms: retryAfterS * 1000,
});

const server = http.createServer((request, response) => {
  request.resume();
  response.writeHead(503, {
    "content-type": "application/json",
    "retry-after": String(retryAfterS),
    connection: "close",
  });
  response.end(body);
});
server.requestTimeout = 10_000;
server.headersTimeout = 5000;
server.maxConnections = 1000;
server.on("upgrade", (_request, socket) => {
  socket.end(
    `HTTP/1.1 503 Service Unavailable\r\nretry-after: ${retryAfterS}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`,
  );
});

const stop = (): void => {
  server.close();
  server.closeAllConnections();
  if (process.connected) process.disconnect();
};
process.once("SIGTERM", stop);
process.once("disconnect", stop);
server.listen({ fd: 3 }, () => process.send?.({ type: "listening", host: "", port: 0 }));
