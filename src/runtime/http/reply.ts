import type { IncomingMessage } from "node:http";
import { HTTPResponse } from "h3";
import type { Exchange } from "./exchanges.ts";
import { setTimeout } from "../../shared/timers.ts";

/** What a route answers. */
export interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | ReadableStream<Uint8Array>;
}

export function json(status: number, value: unknown): Reply {
  return {
    status,
    headers: { "content-type": "application/json", "cache-control": "no-store" },
    body: JSON.stringify(value),
  };
}

/** On every answer: never guess a type, never send the address of the page on. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

/** The rest of a body up to this size is thrown away and the connection kept: cheaper for both sides than a new one. */
const SMALL_BODY_BYTES = 64 * 1024;

/**
 * The reply as a response of h3. When the request's body has not arrived completely and is not small, the connection ends after the answer, and what still
 * comes is thrown away for `lingerMs`: closing at once would reset the connection under clients that are still sending, before they read the answer.
 */
export function toResponse(
  reply: Reply,
  headers: Record<string, string>,
  exchange: Exchange,
  lingerMs: number,
): HTTPResponse {
  const all: Record<string, string> = { ...SECURITY_HEADERS, ...reply.headers, ...headers };
  if (!bodyIsUnread(exchange.req)) return new HTTPResponse(reply.body ?? "", { status: reply.status, headers: all });
  if (Number(exchange.req.headers["content-length"]) <= SMALL_BODY_BYTES && !exchange.bodyWithheld) {
    exchange.req.resume();
    return new HTTPResponse(reply.body ?? "", { status: reply.status, headers: all });
  }
  all["connection"] = "close";
  if (exchange.bodyWithheld || typeof reply.body === "object") {
    return new HTTPResponse(reply.body ?? "", { status: reply.status, headers: all });
  }
  const bytes = new TextEncoder().encode(reply.body ?? "");
  all["content-length"] = String(bytes.length);
  return new HTTPResponse(lingering(bytes, exchange.req, lingerMs), { status: reply.status, headers: all });
}

function bodyIsUnread(req: IncomingMessage): boolean {
  const hasBody = req.headers["transfer-encoding"] !== undefined || Number(req.headers["content-length"] ?? 0) > 0;
  return hasBody && !req.complete;
}

function lingering(bytes: Uint8Array, req: IncomingMessage, limitMs: number): ReadableStream<Uint8Array> {
  let stop = (): void => {};
  return new ReadableStream({
    start: (controller) => {
      controller.enqueue(bytes);
      const end = (): void => {
        stop();
        controller.close();
      };
      const timer = setTimeout(end, limitMs);
      stop = () => {
        clearTimeout(timer);
        req.off("end", end).off("close", end).off("error", end);
      };
      req.once("end", end).once("close", end).once("error", end);
      req.resume();
    },
    // The answer is being written: it is marked as ended at once, so that a client that sends nothing more does not wait for it.
    pull: () => void setImmediate(() => req.socket.end()),
    cancel: () => stop(),
  });
}
