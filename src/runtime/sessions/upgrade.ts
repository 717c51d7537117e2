import type { IncomingMessage } from "node:http";
import { WireError } from "../../shared/errors.ts";
import { ALL_ROUTES, ROUTES } from "../../shared/protocol.ts";
import type { RouteSpec } from "../../shared/protocol.ts";
import type { ClientAddress } from "../access/client-address.ts";
import { chosenSubprotocol, hasKeyInSubprotocols } from "../access/credentials.ts";
import type { KeyUse } from "../access/keys.ts";
import type { RuntimeContext } from "../context.ts";
import { requireHost, requireOrigin, requireSessionKey, requireToken } from "../access/policies.ts";
import { requireReady } from "../lifecycle/readiness.ts";
import { requestFault } from "../http/request-form.ts";

const KEY = /^[+/0-9A-Za-z]{22}==$/;
const TOKENS = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+(?:[ \t]*,[ \t]*[!#$%&'*+.^_`|~0-9A-Za-z-]+)*$/;

/** The entry of the table that takes an upgrade on this path. */
export function webSocketRoute(path: string): RouteSpec | undefined {
  return ALL_ROUTES.find((route) => route.traffic === "websocket" && route.path === path);
}

/** Returns the subprotocols that the client offers, in its order. */
export function offeredSubprotocols({ headers }: IncomingMessage): readonly string[] {
  return headers["sec-websocket-protocol"]?.split(",").map((token) => token.trim()) ?? [];
}

/** Headers of the upgrade's answer: a deprecated alias names its successor, and a browser that sent its key as a subprotocol gets another one confirmed. */
export function upgradeHeaders(req: IncomingMessage, path: string): Record<string, string> {
  const successor = webSocketRoute(path)?.replacedBy;
  const offered = req.headers["sec-websocket-protocol"];
  const chosen = offered !== undefined && hasKeyInSubprotocols(offered) ? chosenSubprotocol(offered) : undefined;
  return {
    ...(successor === undefined ? {} : { deprecation: "true", link: `<${successor}>; rel="successor-version"` }),
    ...(chosen === undefined ? {} : { "sec-websocket-protocol": chosen }),
  };
}

/**
 * Throws the plain HTTP refusal of an upgrade; nothing is allocated for one that is refused. Returns the use of its API key, if one is needed.
 *
 * @param mayLoad the session may open although the model is loading
 */
export function requireUpgradable(
  req: IncomingMessage,
  path: string,
  client: ClientAddress,
  context: RuntimeContext,
  mayLoad: boolean,
): KeyUse | undefined {
  const route = webSocketRoute(path);
  if (route === undefined) {
    throw new WireError("not_found", `WebSocket sessions are served at ${ROUTES.live.path}`);
  }
  requireHandshake(req);
  requireHost(req, context);
  requireOrigin(req, context);
  requireToken(client, context);
  if (!mayLoad) requireReady(context);
  return requireSessionKey(req, route, context);
}

/** Throws what is wrong with the handshake. RFC 6455 4.2.1. The library would refuse these too, but without our envelope and request id. */
export function requireHandshake(req: IncomingMessage): void {
  const { headers } = req;
  const fault = requestFault(req);
  if (fault !== undefined) throw fault;
  const protocols = headers["sec-websocket-protocol"];
  if (req.method !== "GET") throw new WireError("method_not_allowed", "a WebSocket upgrade is a GET request");
  if (req.httpVersion !== "1.1") throw bad("a WebSocket upgrade needs HTTP/1.1");
  // Its bytes would be read as the first frames.
  if (headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0)
    throw bad("a WebSocket upgrade has no body");
  if (!KEY.test(headers["sec-websocket-key"] ?? "")) throw bad("Sec-WebSocket-Key must be 16 bytes in base64");
  if (headers["sec-websocket-version"] !== "13" && headers["sec-websocket-version"] !== "8") {
    throw bad("Sec-WebSocket-Version must be 13");
  }
  if (protocols !== undefined && (!TOKENS.test(protocols) || hasDuplicates(offeredSubprotocols(req)))) {
    throw bad("Sec-WebSocket-Protocol must be a list of different tokens");
  }
}

function hasDuplicates(tokens: readonly string[]): boolean {
  return new Set(tokens).size !== tokens.length;
}

function bad(message: string): WireError {
  return new WireError("bad_request", message);
}
