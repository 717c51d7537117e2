// What a client of a proxy under proof does and sees.
import { createHash } from "node:crypto";
import { request as requestHttp, type ClientRequest, type IncomingHttpHeaders } from "node:http";
import { request as requestHttps, type RequestOptions } from "node:https";
import { connect } from "node:net";

export const HOST = "stt.example.com";

export interface Ask {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly bodyBytes?: number;
  readonly body?: string;
  /** Sends the body in six pieces, 250 ms apart. */
  readonly isSlow?: boolean;
  /** Speaks TLS, with these limits. */
  readonly tls?: Pick<RequestOptions, "maxVersion" | "minVersion" | "ciphers">;
  readonly address?: string;
}

export interface Answer {
  /** 0 when the connection broke first. */
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Headers that came more than once are kept apart. */
  readonly rawHeaders: readonly string[];
  readonly pieces: readonly { readonly atMs: number; readonly bytes: number }[];
  readonly endMs: number;
}

/** Returns what one request, on a connection of its own, is answered with. */
export async function ask(port: number, path: string, options: Ask = {}): Promise<Answer> {
  const startedMs = performance.now();
  const none = { status: 0, headers: {}, rawHeaders: [], pieces: [], endMs: 0 };
  return new Promise((resolve) => {
    const sent = (options.tls ? requestHttps : requestHttp)({
      host: options.address ?? "127.0.0.1",
      port,
      path,
      method: options.method ?? "GET",
      headers: { Host: HOST, ...options.headers },
      agent: false,
      ...(options.tls && { servername: HOST, rejectUnauthorized: false, ...options.tls }),
    });
    sent.on("error", () => resolve(none));
    sent.on("response", (response) => {
      const pieces: { atMs: number; bytes: number }[] = [];
      response.on("data", ({ length }: Buffer) => pieces.push({ atMs: performance.now() - startedMs, bytes: length }));
      response.on("error", () => resolve(none));
      response.on("aborted", () => resolve(none));
      response.on("end", () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          rawHeaders: response.rawHeaders,
          pieces,
          endMs: performance.now() - startedMs,
        }),
      );
    });
    if (options.isSlow) trickle(sent);
    else sent.end(options.body ?? Buffer.alloc(options.bodyBytes ?? 0));
  });
}

/** Opens a session and returns its status and, after `forMs`, whether it is still open. */
export async function openSession(
  port: number,
  path = "/v1/ws",
): Promise<{ readonly status: number; readonly isOpen: () => boolean; close(): void }> {
  return new Promise((resolve) => {
    const sent = requestHttp({
      host: "127.0.0.1",
      port,
      path,
      headers: {
        Host: HOST,
        Connection: "Upgrade",
        Upgrade: "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": KEY,
      },
      agent: false,
    });
    const refused = (status: number): void => resolve({ status, isOpen: () => false, close: () => {} });
    sent.on("error", () => refused(0));
    sent.on("response", (response) => {
      response.resume();
      refused(response.statusCode ?? 0);
    });
    sent.on("upgrade", (_, socket) => {
      let isOpen = true;
      // A Close frame is an end too.
      for (const event of ["data", "end", "close", "error"]) socket.on(event, () => (isOpen = false));
      socket.resume();
      resolve({ status: 101, isOpen: () => isOpen, close: () => socket.destroy() });
    });
    sent.end();
  });
}

/** Returns whether the proxy still waits, after so long, for the rest of a header. */
export async function waitsForHeader(port: number, forMs: number): Promise<boolean> {
  const socket = connect({ host: "127.0.0.1", port });
  let isOpen = true;
  for (const event of ["end", "close", "error"]) socket.on(event, () => (isOpen = false));
  socket.resume();
  socket.write(`GET /v1/models HTTP/1.1\r\nHost: ${HOST}\r\nX-Slow: `);
  await passes(forMs);
  socket.destroy();
  return isOpen;
}

/** Sends a request and hangs up after `afterMs`. */
export async function hangUp(port: number, path: string, afterMs: number): Promise<void> {
  const sent = requestHttp({ host: "127.0.0.1", port, path, headers: { Host: HOST }, agent: false });
  sent.on("error", () => {});
  sent.end();
  await passes(afterMs);
  sent.destroy();
}

export async function passes(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** Returns the answer to a WebSocket handshake. */
export function handshakeAnswer(key: string): string {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

// ---

function trickle(sent: ClientRequest): void {
  let left = 6;
  const timer = setInterval(() => {
    left -= 1;
    if (left >= 0) sent.write(Buffer.alloc(100));
    else {
      clearInterval(timer);
      sent.end();
    }
  }, 250);
  sent.on("close", () => clearInterval(timer));
}
