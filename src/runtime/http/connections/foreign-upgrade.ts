import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";

/** Headers that only make sense together with the upgrade. */
const UPGRADE_HEADERS: ReadonlySet<string> = new Set(["upgrade", "connection", "http2-settings"]);

export function asksForWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === "websocket";
}

/**
 * Ignores the offer of another protocol, as RFC 9110 7.8 allows, and lets the request be served. Java's HttpClient offers `h2c` with every first
 * request, uploads included. Node's parser has already let go of the connection, so the request is written back in front of what follows
 * it, without the offer, and the socket is given to the server as a new connection. Every earlier answer must be closed.
 */
export function ignoreUpgrade(server: Server, req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${req.method ?? "GET"} ${req.url ?? "/"} HTTP/${req.httpVersion}`];
  for (let index = 0; index + 1 < req.rawHeaders.length; index += 2) {
    const [name = "", value = ""] = req.rawHeaders.slice(index, index + 2);
    if (!UPGRADE_HEADERS.has(name.toLowerCase())) lines.push(`${name}: ${value}`);
  }
  // Node's parser decoded the bytes as latin1.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), head]));
  // A TLS server's "connection" is a bare one, still before its handshake.
  server.emit(socket instanceof TLSSocket ? "secureConnection" : "connection", socket);
}
