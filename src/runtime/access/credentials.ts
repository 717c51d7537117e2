import type { IncomingMessage } from "node:http";
import { KEY_PARAMETER, KEY_SUBPROTOCOLS } from "../../shared/api-keys.ts";

/** Longer values are not read: no key is. */
const LONGEST_KEY = 512;

/**
 * Returns the API key that a request presents: `Authorization: Bearer KEY`, `Basic` with the key as the password, a WebSocket subprotocol, or the
 * query parameter where it is allowed. The first that is there counts, also when it is malformed (""); undefined = none.
 */
export function presentedKey(
  req: Pick<IncomingMessage, "headers" | "url">,
  options: { readonly queryParameter: boolean },
): string | undefined {
  const { authorization } = req.headers;
  if (authorization !== undefined) return keyInAuthorization(authorization);
  const protocols = req.headers["sec-websocket-protocol"];
  const offered = protocols === undefined ? undefined : keyInSubprotocols(protocols);
  if (offered !== undefined) return offered;
  return options.queryParameter ? keyInUrl(req.url ?? "") : undefined;
}

/** Returns whether a key is among the subprotocols that a client offers. */
export function hasKeyInSubprotocols(protocols: string): boolean {
  return keyInSubprotocols(protocols) !== undefined;
}

/** Returns whether the URL holds a key, allowed or not. */
export function hasKeyInUrl(url: string): boolean {
  return keyInUrl(url) !== undefined;
}

/** Returns the subprotocol to answer: the first one offered that is not a key. Browsers close a connection whose offers are all ignored. */
export function chosenSubprotocol(protocols: string | undefined): string | undefined {
  return tokensOf(protocols ?? "").find((token) => keyAfterPrefix(token) === undefined);
}

/** Exported for the fuzzer. Scheme in any case, one or more spaces (RFC 9110 11.4). */
export function keyInAuthorization(header: string): string {
  const space = header.indexOf(" ");
  const scheme = header.slice(0, Math.max(0, space)).toLowerCase();
  const rest = space === -1 ? "" : header.slice(space).trim();
  if (scheme === "bearer") return bounded(rest);
  if (scheme !== "basic" || rest.length > 2 * LONGEST_KEY || !/^[\w+/-]+={0,2}$/.test(rest)) return "";
  const pair = Buffer.from(rest, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon === -1 ? "" : bounded(pair.slice(colon + 1));
}

// ---

function keyInSubprotocols(protocols: string): string | undefined {
  for (const token of tokensOf(protocols)) {
    const key = keyAfterPrefix(token);
    if (key !== undefined) return bounded(key);
  }
  return undefined;
}

function keyAfterPrefix(token: string): string | undefined {
  const prefix = KEY_SUBPROTOCOLS.find((start) => token.startsWith(start));
  return prefix === undefined ? undefined : token.slice(prefix.length);
}

function keyInUrl(url: string): string | undefined {
  const start = url.indexOf("?");
  if (start === -1) return undefined;
  const key = new URLSearchParams(url.slice(start + 1)).get(KEY_PARAMETER);
  return key === null ? undefined : bounded(key);
}

function tokensOf(list: string): readonly string[] {
  return list
    .split(",")
    .map((token) => token.trim())
    .filter((token) => token !== "");
}

function bounded(key: string): string {
  return key.length > LONGEST_KEY ? "" : key;
}
