import type { IncomingMessage } from "node:http";
import { HTTPResponse } from "h3";
import type { Exchange } from "../connections/exchanges.ts";
import { CLOSED_POLICY } from "../../../shared/closed-policy.ts";

/** What a route answers. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>;
}

export function json(status: number, value: unknown): Reply {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(value),
  };
}

/** On every answer: never guess a type, never send the address of the page on, load and allow nothing. A page brings its own policy. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "permissions-policy": CLOSED_POLICY["Permissions-Policy"],
  "content-security-policy": CLOSED_POLICY["Content-Security-Policy"],
};

/** The rest of a body up to this size is thrown away and the connection kept: cheaper for both sides than a new one. */
const SMALL_BODY_BYTES = 64 * 1024;

/** The reply as a response of h3. When the request's body has not arrived completely and is not small, the connection ends after the answer. */
export function toResponse(reply: Reply, headers: Record<string, string>, exchange: Exchange): HTTPResponse {
  const all: Record<string, string> = { ...SECURITY_HEADERS, ...reply.headers, ...headers };
  if (bodyIsUnread(exchange.req)) {
    const isSmall = Number(exchange.req.headers["content-length"]) <= SMALL_BODY_BYTES;
    if (isSmall && !exchange.bodyWithheld) exchange.req.resume();
    else all["connection"] = "close";
  }
  return new HTTPResponse(reply.body ?? "", { status: reply.status, headers: all });
}

function bodyIsUnread(req: IncomingMessage): boolean {
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
  return hasBody && !req.complete;
}
