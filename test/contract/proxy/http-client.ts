import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { request as httpsRequest } from "node:https";
import { setImmediate, setTimeout } from "node:timers/promises";
import { MIB } from "./cases.ts";
import type { RunningFront } from "./front.ts";
import { DOMAIN } from "./front.ts";

/** Sixteen pieces are a mebibyte: 0.6 s, if no answer ends it earlier. */
const SLOW_PIECE_MS = 40;
const FIRST_PAUSE_MS = 300;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RequestOptions {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  /** TLS when a CA is given. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  /** Header list, so that one name may come twice. */
  readonly headers?: readonly (readonly [string, string])[];
  readonly localAddress?: string;
  /** Body: that many zero bytes, in pieces of 64 KiB. */
  readonly bodyBytes?: number;
  /** Pauses after the first piece and between those past so many bytes, so that an answer that comes early is read. */
  readonly refusedPastBytes?: number;
  /** Announce no length. */
  readonly chunked?: boolean;
}

/**
 * A request whose body will be refused, up to three times. Caddy (Go's server) answers and closes at once while the client still sends: the
 * reset then takes the answer away from every second client that does not look for it. This one pauses where a refusal is due, after the
 * first piece (a declared length) and in the last mebibyte (past the limit).
 */
export async function askRefused(front: RunningFront, path: string, options: Partial<RequestOptions>): Promise<Reply> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await askFront(front, path, { ...options, refusedPastBytes: 50 * MIB });
    } catch (error) {
      if (attempt === 3) throw error;
    }
  }
}

/** One request on a connection of its own. Rejects when the connection breaks before an answer. */
export async function ask(options: RequestOptions): Promise<Reply> {
  const headers: string[] = [];
  const given = options.headers ?? [];
  if (!given.some(([name]) => name.toLowerCase() === "host")) headers.push("Host", DOMAIN);
  for (const [name, value] of given) headers.push(name, value);
  if (options.bodyBytes !== undefined) {
    if (options.chunked === true) headers.push("Transfer-Encoding", "chunked");
    else headers.push("Content-Length", String(options.bodyBytes));
  }
  const make = options.ca === undefined ? httpRequest : httpsRequest;
  return new Promise((resolve, reject) => {
    let answered = false;
    const request = make(
      {
        host: "127.0.0.1",
        port: options.port,
        path: options.path,
        method: options.method ?? (options.bodyBytes === undefined ? "GET" : "POST"),
        headers,
        agent: false,
        ...(options.ca === undefined
          ? {}
          : { ca: options.ca, servername: options.servername ?? DOMAIN, cert: options.cert, key: options.key }),
        ...(options.localAddress === undefined ? {} : { localAddress: options.localAddress }),
      },
      (response) => {
        answered = true;
        let body = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (body += chunk));
        const done = (): void => resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
        response.on("end", done);
        // A proxy that refuses a body may close before the body was read to its end: the answer counts.
        response.on("error", done);
      },
    );
    request.on("error", (error) => {
      if (!answered) globalThis.setTimeout(() => (answered ? undefined : reject(error)), 50);
    });
    void writeBody(request, options.bodyBytes ?? 0, options.refusedPastBytes ?? Infinity);
  });
}

/** An HTTPS request to the front, with credentials where the case has some. */
export async function askFront(
  front: RunningFront,
  path: string,
  options: Partial<RequestOptions> = {},
): Promise<Reply> {
  return ask({ port: front.httpsPort, ca: front.ca, path, ...options });
}

// ---

async function writeBody(
  request: ReturnType<typeof httpRequest>,
  total: number,
  refusedPastBytes: number,
): Promise<void> {
  const piece = Buffer.alloc(65_536);
  let left = total;
  const answer = { refused: false };
  request.once("response", (response) => (answer.refused = (response.statusCode ?? 0) >= 400));
  while (left > 0 && !request.destroyed && request.writable) {
    const sent = total - left;
    // lets an early answer in
    if (sent === piece.length && refusedPastBytes < total) await setTimeout(FIRST_PAUSE_MS);
    else await (sent < refusedPastBytes ? setImmediate() : setTimeout(SLOW_PIECE_MS));
    if (answer.refused) break;
    const part = left >= piece.length ? piece : piece.subarray(0, left);
    left -= part.length;
    if (!request.write(part))
      await new Promise<void>((resolve) => {
        const go = (): void => {
          request.off("drain", go);
          request.off("close", go);
          request.off("error", go);
          resolve();
        };
        request.once("drain", go);
        request.once("close", go);
        request.once("error", go);
      });
  }
  if (answer.refused) request.destroy();
  else if (!request.destroyed) request.end();
}
