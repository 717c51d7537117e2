import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as the server behind the proxy saw it. */
export interface Seen {
  readonly url: string;
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  /** Name and value in turn, as they came. */
  readonly rawHeaders: readonly string[];
  readonly bodyBytes: number;
}

export interface Echo {
  readonly port: number;
  readonly seen: readonly Seen[];
  /** Times at which the events of the last stream were sent, milliseconds of the monotonic clock. */
  readonly sentAtMs: readonly number[];
  close(): Promise<void>;
}

export const EVENTS = 5;
const EVENT_INTERVAL_MS = 300;
/** Answers after a second. */
export const SLOW_PATH = "/v1/models?slow";

/** A server that records what reaches it; `/v1/transcribe/stream` sends events at a steady pace. It sets headers the proxy owns. */
export async function startEcho(): Promise<Echo> {
  const seen: Seen[] = [];
  const sentAtMs: number[] = [];
  const server = createServer((request, response) => {
    let bodyBytes = 0;
    request.on("data", (chunk: Buffer) => (bodyBytes += chunk.length));
    request.on("error", () => {});
    request.on("end", () => {
      seen.push({
        url: request.url ?? "",
        method: request.method ?? "",
        headers: request.headers,
        rawHeaders: request.rawHeaders,
        bodyBytes,
      });
      response.setHeader("Strict-Transport-Security", "max-age=1");
      response.setHeader("X-Frame-Options", "SAMEORIGIN");
      response.setHeader("Server", "upstream/1.0");
      if (request.url === "/v1/transcribe/stream") {
        response.writeHead(200, { "Content-Type": "text/event-stream" });
        sentAtMs.length = 0;
        const send = (): void => {
          sentAtMs.push(performance.now());
          response.write(`data: {"n":${sentAtMs.length}}\n\n`);
          if (sentAtMs.length < EVENTS) setTimeout(send, EVENT_INTERVAL_MS);
          else setTimeout(() => response.end(), EVENT_INTERVAL_MS);
        };
        send();
        return;
      }
      if (request.url === SLOW_PATH) {
        setTimeout(() => response.end("slow"), 1000);
        return;
      }
      if (request.url === "/missing") response.statusCode = 404;
      response.end(JSON.stringify({ bodyBytes }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port, // a TCP server
    seen,
    sentAtMs,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
