import { randomBytes } from "node:crypto";
import { ROUTES } from "../../../shared/protocol.ts";
import type { Route } from "../../route.ts";
import { pageHtml } from "../document.ts";
import { requireConsole } from "../enabled.ts";
import { pagePolicy } from "../policy.ts";

/** The web console. */
export const page: Route = {
  ...ROUTES.console,
  handle: ({ req }, context) => {
    const { frameOrigins } = requireConsole(context);
    const isIngress = context.isIngress(req.socket.remoteAddress);
    const nonce = randomBytes(16).toString("base64");
    return {
      status: 200,
      headers: {
        "content-type": "text/html; charset=utf-8",
        // The nonce is for one answer.
        "cache-control": "no-store",
        ...pagePolicy(nonce, isIngress ? ["'self'", ...frameOrigins] : frameOrigins),
      },
      body: pageHtml(nonce, context.version),
    };
  },
};
