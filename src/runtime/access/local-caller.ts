import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Returns whether a program on this machine asks, addressing this machine: not a client behind a proxy that runs here. */
export function isLocalCaller({ headers, socket }: IncomingMessage): boolean {
  const peer = socket.remoteAddress ?? "";
  const isLoopback = isIP(peer) !== 0 && ipaddr.process(peer).range() === "loopback";
  const host = (headers.host ?? "").replace(/:\d+$/, "");
  const asksForThisMachine = ["localhost", "127.0.0.1", "[::1]"].includes(host);
  return isLoopback && asksForThisMachine && PROXY_HEADERS.every((name) => headers[name] === undefined);
}

// ---

const PROXY_HEADERS = ["x-forwarded-for", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "forwarded", "via"];
