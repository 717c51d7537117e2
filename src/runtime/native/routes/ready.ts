import type { IncomingMessage } from "node:http";
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";
import { notReadyReason } from "../../lifecycle/readiness.ts";
import { json } from "../../http/reply.ts";
import type { Route } from "../../route.ts";
import { ROUTES } from "../../../shared/protocol.ts";

/** 200 while new work would be accepted. */
export const ready: Route = {
  ...ROUTES.ready,
  handle: ({ req }, context) => {
    const reason = notReadyReason(context);
    const { supervisor } = context.phase;
    const details = {
      pool_available: context.admission.available,
      pool_total: context.admission.total,
      ...(supervisor !== undefined && isLocalCaller(req) ? { supervisor } : {}),
    };
    return reason === undefined
      ? json(200, { status: "ready", ...details })
      : json(503, { status: "not_ready", reason, ...details });
  },
};

const PROXY_HEADERS = ["x-forwarded-for", "x-real-ip", "x-forwarded-host", "x-forwarded-proto", "forwarded", "via"];

/** A program on this machine that addresses this machine: not a client behind a proxy that runs here. */
function isLocalCaller({ headers, socket }: IncomingMessage): boolean {
  const peer = socket.remoteAddress ?? "";
  const isLoopback = isIP(peer) !== 0 && ipaddr.process(peer).range() === "loopback";
  const host = (headers.host ?? "").replace(/:\d+$/, "");
  const asksForThisMachine = ["localhost", "127.0.0.1", "[::1]"].includes(host);
  return isLoopback && asksForThisMachine && PROXY_HEADERS.every((name) => headers[name] === undefined);
}
