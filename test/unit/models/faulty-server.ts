import { existsSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { basename } from "node:path";
import { onTestFinished } from "vitest";

export type Answer = (req: IncomingMessage, res: ServerResponse, content: Buffer) => void;

export interface FaultyServer {
  /** `http://127.0.0.1:PORT/` */
  readonly baseUrl: string;
  readonly port: number;
  /** Every request: path, Range and If-Range. */
  readonly requests: {
    path: string;
    range: string | undefined;
    ifRange: string | undefined;
    headers: IncomingMessage["headers"];
  }[];
  /** The next requests for this file are answered by these, in order; then `serve` again. */
  script(name: string, ...answers: Answer[]): void;
  requestsFor(name: string): { range: string | undefined; ifRange: string | undefined }[];
  /** Path and query as asked. */
  readonly urls: readonly string[];
  readonly server: Server;
}

/** A real HTTP server over made-up files that behaves well until it is told otherwise. */
export async function startFaultyServer(
  files: ReadonlyMap<string, Buffer>,
  options: { readonly fallback?: Answer; readonly tls?: { readonly key: string; readonly cert: string } } = {},
): Promise<FaultyServer> {
  const scripts = new Map<string, Answer[]>();
  const requests: FaultyServer["requests"] = [];
  const urls: string[] = [];
  const listener: RequestListener = (req, res) => {
    const path = new URL(req.url ?? "/", "http://x").pathname;
    const name = basename(path);
    urls.push(req.url ?? "");
    requests.push({ path, range: req.headers.range, ifRange: one(req.headers["if-range"]), headers: req.headers });
    // A client that breaks off is part of the game.
    res.on("error", () => undefined);
    const answer = scripts.get(name)?.shift() ?? options.fallback ?? serve();
    answer(req, res, files.get(name) ?? Buffer.alloc(0));
  };
  const server = options.tls ? createTlsServer(options.tls, listener) : createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo; // listening on TCP
  return {
    baseUrl: `${options.tls ? "https" : "http"}://127.0.0.1:${port}/`,
    port,
    requests,
    script: (name, ...answers) => scripts.set(name, [...(scripts.get(name) ?? []), ...answers]),
    requestsFor: (name) => requests.filter(({ path }) => path.endsWith(`/${name}`)),
    urls,
    server,
  };
}

/** The well-behaved answer: ranges, If-Range, a strong ETag. */
export function serve(
  options: { etag?: string | null; content?: Buffer; headers?: Record<string, string> } = {},
): Answer {
  return (req, res, original) => {
    const content = options.content ?? original;
    if (content.length === 0) return void res.writeHead(404).end("no such file");
    const etag = options.etag === undefined ? '"v1"' : options.etag;
    const headers = { ...(etag === null ? {} : { etag }), "accept-ranges": "bytes", ...options.headers };
    const from = /^bytes=(\d+)-$/.exec(req.headers.range ?? "")?.[1];
    const condition = one(req.headers["if-range"]);
    if (from === undefined || (condition !== undefined && condition !== etag)) {
      return void res.writeHead(200, { ...headers, "content-length": content.length }).end(content);
    }
    const start = Number(from);
    if (start >= content.length) return void res.writeHead(416, { "content-range": `bytes */${content.length}` }).end();
    const rest = content.subarray(start);
    return void res
      .writeHead(206, {
        ...headers,
        "content-length": rest.length,
        "content-range": `bytes ${start}-${content.length - 1}/${content.length}`,
      })
      .end(rest);
  };
}

/**
 * Sends the first bytes of what it should send, waits until they are in the client's part file, then breaks the connection
 * (broken earlier, the client's socket might throw them away unread).
 */
export function cutAfter(bytes: number, partOf: (name: string) => string, etag = '"v1"'): Answer {
  return (req, res, content) => {
    const start = Number(/^bytes=(\d+)-$/.exec(req.headers.range ?? "")?.[1] ?? 0);
    const headers = { etag, "content-length": content.length - start };
    if (start === 0) res.writeHead(200, headers);
    else res.writeHead(206, { ...headers, "content-range": `bytes ${start}-${content.length - 1}/${content.length}` });
    res.write(content.subarray(start, start + bytes));
    const part = partOf(basename(new URL(req.url ?? "/", "http://x").pathname));
    const watch = setInterval(() => {
      if (!existsSync(part) || statSync(part).size < start + bytes) return;
      clearInterval(watch);
      res.destroy();
    }, 5);
    res.on("close", () => clearInterval(watch));
  };
}

/** Sends some bytes and then nothing, for as long as the client likes. */
export function stallAfter(bytes: number): Answer {
  return (_req, res, content) => {
    res.writeHead(200, { etag: '"v1"', "content-length": content.length });
    if (bytes > 0) res.write(content.subarray(0, bytes));
    else res.flushHeaders();
  };
}

export function status(code: number, headers: Record<string, string> = {}, body = "no"): Answer {
  return (_req, res) => void res.writeHead(code, headers).end(body);
}

function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
