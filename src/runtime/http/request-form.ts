import type { IncomingMessage } from "node:http";
import { WireError } from "../../shared/errors.ts";

/** Most header lines of a request, and most trailer lines of a chunked body. Real requests behind several proxies have about 40. */
const MAX_HEADERS = 200;

/**
 * Returns the refusal of a request that Node's parser accepts although two readers may understand it differently: a proxy that closes a path
 * or counts requests must see the same request as this server. The connection ends after it. Undefined when there is only one way to read it.
 */
export function requestFault(req: IncomingMessage): WireError | undefined {
  if (req.rawHeaders.length > MAX_HEADERS * 2) return tooMany("headers");
  if (!req.httpVersion.startsWith("1.")) {
    return new WireError("bad_request", "this server speaks HTTP/1.1 and HTTP/1.0", { status: 505 });
  }
  const rule = hostFault(req) ?? bodyFault(req) ?? pathFault(req.url ?? "/");
  return rule === undefined ? undefined : new WireError("bad_request", rule);
}

/** Returns the refusal of a body whose trailers are too many; known once it has arrived. */
export function trailerFault(req: IncomingMessage): WireError | undefined {
  return req.rawTrailers.length > MAX_HEADERS * 2 ? tooMany("trailers") : undefined;
}

// ---

function tooMany(what: "headers" | "trailers"): WireError {
  return new WireError("bad_request", `a request may have at most ${MAX_HEADERS} ${what}`, { status: 431 });
}

/** `uri-host [":" port]` of RFC 9112 3.2; empty is allowed. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;
const SCHEME_AND_AUTHORITY = /^[a-z][\w+.-]*:\/\/[^/?#\\]*/i;
const DOT_SEGMENT = /(?:^|\/)(?:\.|%2e){1,2}(?:\/|$)/i;

/** RFC 9112 3.2: 400 for an HTTP/1.1 request without Host, and for one with two or with an impossible one. Node takes the first. */
function hostFault(req: IncomingMessage): string | undefined {
  const { host } = req.headers;
  if (host === undefined) return req.httpVersion === "1.1" ? "an HTTP/1.1 request needs a Host header" : undefined;
  const count = req.rawHeaders.filter((text, index) => index % 2 === 0 && text.toLowerCase() === "host").length;
  if (count > 1) return "a request has one Host header";
  return HOST.test(host) ? undefined : "the Host header must be a name or address with an optional port";
}

/** RFC 9112 6.1: an encoding besides chunked is not decoded here, and HTTP/1.0 knows none. */
function bodyFault(req: IncomingMessage): string | undefined {
  const encoding = req.headers["transfer-encoding"];
  if (encoding === undefined) return undefined;
  if (req.httpVersion === "1.0") return "Transfer-Encoding needs HTTP/1.1";
  return encoding.toLowerCase() === "chunked" ? undefined : "Transfer-Encoding may be chunked only";
}

/** URL parsers of the web resolve these; nginx forwards `/x/..\metrics` as something that is not `/metrics`. */
function pathFault(url: string): string | undefined {
  const path = url.replace(SCHEME_AND_AUTHORITY, "").split("?", 1)[0] ?? "";
  return /[\\#]/.test(path) || DOT_SEGMENT.test(path)
    ? "a path must be written out, without \\, # and the segments . and .."
    : undefined;
}
