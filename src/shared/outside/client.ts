import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest, type RequestOptions } from "node:https";
import type { LookupFunction } from "node:net";
import { isIP } from "node:net";
import { messageOf } from "../errors.ts";
import { printable } from "../text/printable.ts";
import { setTimeout } from "../time/timers.ts";

/** A service, as a client outside reaches it. */
export interface OutsideTarget {
  readonly url: URL;
  /** Port of plain HTTP. */
  readonly httpPort: number;
  /** Connect to this address instead of resolving the name. */
  readonly connectTo: string | undefined;
  /** CA to trust besides none: PEM; undefined = the ones Node knows. */
  readonly ca: string | undefined;
  readonly clientCertificate: { readonly certificate: string; readonly privateKey: string } | undefined;
  /** `Authorization` header of a valid user. */
  readonly authorization: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Names and values in turn, as they came: a header that came twice stands here twice. */
  readonly rawHeaders: readonly string[];
  /** At most MAX_BODY_CHARS; the connection is cut there. */
  readonly body: string;
  /** Milliseconds from the request to each piece of the body. */
  readonly piecesAtMs: readonly number[];
}

export interface AskOptions {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Announce this length and send only `body`: the answer must come before the rest. */
  readonly announcedBytes?: number;
  /** Without credentials. */
  readonly anonymous?: boolean;
  /** Another origin than the target's: `http:` and its port. */
  readonly origin?: URL;
  readonly servername?: string;
  readonly timeoutMs?: number;
  /** Take any certificate: for questions that are not about it. */
  readonly anyCertificate?: boolean;
  /** Cut the answer's body here, characters; default 1 000 000. */
  readonly maxBodyChars?: number;
}

/** Headers of a WebSocket handshake; `ask` resolves with 101 when it is accepted. */
export const UPGRADE_HEADERS: Readonly<Record<string, string>> = {
  Connection: "Upgrade",
  Upgrade: "websocket",
  "Sec-WebSocket-Version": "13",
  "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
};

const MAX_BODY_CHARS = 1_000_000;

/** No answer in time. */
export class NoAnswerError extends Error {
  /** The connection stands: what does not answer is behind the program that took it. */
  readonly isConnected: boolean;
  constructor(message: string, isConnected = false) {
    super(message);
    this.isConnected = isConnected;
  }
}

/** Sends one request on a connection of its own. Never follows redirects. Rejects with one sentence. */
export async function ask(target: OutsideTarget, path: string, options: AskOptions = {}): Promise<Answer> {
  const base = options.origin ?? target.url;
  const secure = base.protocol === "https:";
  const started = performance.now();
  const headers: Record<string, string> = { ...options.headers };
  if (options.anonymous !== true && target.authorization !== undefined) headers["Authorization"] = target.authorization;
  if (options.announcedBytes !== undefined) headers["Content-Length"] = String(options.announcedBytes);
  return new Promise((resolve, reject) => {
    let answered = false;
    const make = secure ? httpsRequest : httpRequest;
    const request = make(
      {
        ...connectionOf(target, base, options.anonymous === true, options.servername),
        path,
        method: options.method ?? "GET",
        headers,
        agent: false,
        rejectUnauthorized: options.anyCertificate !== true,
        signal: target.signal,
      },
      (response: IncomingMessage) => {
        answered = true;
        let body = "";
        const piecesAtMs: number[] = [];
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          body += chunk;
          piecesAtMs.push(performance.now() - started);
          // A hostile server must neither fill our memory nor keep us listening.
          if (body.length >= (options.maxBodyChars ?? MAX_BODY_CHARS)) done();
        });
        const done = (): void => {
          clearTimeout(timer);
          request.destroy();
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            rawHeaders: response.rawHeaders,
            body,
            piecesAtMs,
          });
        };
        response.on("end", done);
        response.on("error", done);
      },
    );
    const timeoutMs = options.timeoutMs ?? target.timeoutMs;
    const timer = setTimeout(
      () => request.destroy(new NoAnswerError(`no answer within ${timeoutMs / 1000} s`, isConnected)),
      timeoutMs,
    );
    let isConnected = false;
    request.once("socket", (socket) => socket.once(secure ? "secureConnect" : "connect", () => (isConnected = true)));
    request.on("upgrade", (response, socket) => {
      answered = true;
      clearTimeout(timer);
      socket.destroy();
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        rawHeaders: response.rawHeaders,
        body: "",
        piecesAtMs: [],
      });
    });
    request.on("error", (error) => {
      clearTimeout(timer);
      if (!answered)
        reject(error instanceof NoAnswerError ? error : new Error(connectionProblem(error), { cause: error }));
    });
    if (options.body !== undefined) request.write(options.body);
    if (options.announcedBytes === undefined || options.announcedBytes === options.body?.length) request.end();
  });
}

/** Returns where to connect and which name to ask for. */
export function connectionOf(
  target: OutsideTarget,
  base: URL,
  anonymous: boolean,
  servername?: string,
): RequestOptions {
  const host = base.hostname.replace(/^\[|\]$/g, "");
  const certificate = anonymous ? undefined : target.clientCertificate;
  return {
    host,
    port: base.port === "" ? (base.protocol === "https:" ? 443 : 80) : Number(base.port),
    ...(target.connectTo === undefined ? {} : { lookup: fixedLookup(target.connectTo) }),
    ...(base.protocol === "https:" ? { servername: servername ?? (isIP(host) === 0 ? host : "") } : {}),
    ...(target.ca === undefined ? {} : { ca: target.ca }),
    ...(certificate === undefined ? {} : { cert: certificate.certificate, key: certificate.privateKey }),
  };
}

/** Returns what stopped a connection, in one sentence, and what to do about it. */
export function connectionFailure(
  error: unknown,
  target: OutsideTarget,
): { readonly message: string; readonly fix: string } {
  const code = connectionCode(error);
  const message = connectionProblem(error);
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return { message, fix: `Add an A or AAAA record for ${target.url.hostname}, or name its address with --connect.` };
  if (code === "ECONNREFUSED")
    return { message, fix: "Start the proxy, and check that it listens on this address and port." };
  if (NO_ROUTE.has(code))
    return { message, fix: "Check the address, the network and the firewall between here and the host." };
  if (error instanceof NoAnswerError && error.isConnected)
    return {
      message: `${message}, though the connection stands`,
      fix: "Check that the server behind the proxy runs; --timeout waits longer.",
    };
  if (error instanceof NoAnswerError || code === "ETIMEDOUT")
    return { message, fix: "Check the address and the firewall, and that the proxy runs; --timeout waits longer." };
  return { message, fix: "Check that this address and port serve the proxy, over HTTPS if the URL says so." };
}

/** Returns one sentence about a connection that failed. */
export function connectionProblem(error: unknown): string {
  // OpenSSL's own words are between its number and the file that they come from.
  const tls = /:SSL routines:[^:]*:([^:]+):/.exec(messageOf(error))?.[1];
  if (tls !== undefined) return `TLS: ${tls}`;
  return CAUSES[connectionCode(error)] ?? printable(messageOf(error).split("\n")[0] || "the connection failed", 200);
}

// ---

function fixedLookup(address: string): LookupFunction {
  const family = isIP(address);
  return (_host, { all }, callback) =>
    all === true ? callback(null, [{ address, family }]) : callback(null, address, family);
}

/** Returns the code of a failed connection; of several addresses, that of the first. Empty when there is none. */
export function connectionCode(error: unknown): string {
  if (!(error instanceof Error)) return "";
  if ("code" in error) return String(error.code);
  return connectionCode(error instanceof AggregateError ? error.errors[0] : error.cause);
}

const NO_ROUTE = new Set(["EHOSTUNREACH", "ENETUNREACH", "EADDRNOTAVAIL", "EINVAL", "ENETDOWN", "EHOSTDOWN"]);

const CAUSES: Readonly<Record<string, string>> = {
  ENOTFOUND: "the name is not in DNS",
  EAI_AGAIN: "the DNS server does not answer",
  ECONNREFUSED: "connection refused: nothing listens there",
  ECONNRESET: "the connection was reset",
  ETIMEDOUT: "the connection timed out",
  EHOSTUNREACH: "no route to the host",
  ENETUNREACH: "no route to the host",
  EADDRNOTAVAIL: "no route to the host",
  EINVAL: "no route to the host",
  ENETDOWN: "the network is down",
  EHOSTDOWN: "the host is down",
  CERT_HAS_EXPIRED: "the certificate has expired",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the certificate is self-signed; give its CA with --ca",
  SELF_SIGNED_CERT_IN_CHAIN: "the certificate's CA is not known; give it with --ca",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    "the certificate's CA is not known, or the chain is incomplete; give the CA with --ca",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the certificate's CA is not known; give it with --ca",
  ERR_TLS_CERT_ALTNAME_INVALID: "the certificate is for another name",
};
