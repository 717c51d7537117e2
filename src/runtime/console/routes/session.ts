import type { ConsoleSession } from "../../../shared/console-status.ts";
import { ROUTES } from "../../../shared/protocol.ts";
import type { KeyHolder } from "../../access/keys.ts";
import { isOperator } from "../../access/operator.ts";
import { signInCookie } from "../../access/sign-in-cookie.ts";
import { json } from "../../http/replies/reply.ts";
import type { Route } from "../../route.ts";
import { requireConsole } from "../enabled.ts";

/** The sign-in of the console's page. The key comes as every other client sends it; from then on a cookie stands for it. */
export const session: Route = {
  ...ROUTES.consoleSession,
  handle: (exchange, context) => {
    requireConsole(context);
    const { req } = exchange;
    const { keys, settings } = context;
    const { port } = settings.current.server;
    const isRequired = keys.usable() !== undefined && !context.isIngress(req.socket.remoteAddress);
    const answer = (holder: KeyHolder | undefined): ConsoleSession => ({
      required: isRequired,
      operator: isOperator(req, context) || holder?.key.scopes.includes("admin") === true,
      key: holder === undefined ? null : { name: holder.key.name, scopes: holder.key.scopes },
      expires_at: holder?.signIn === undefined ? null : new Date(holder.signIn.expiresAtMs).toISOString(),
    });
    switch (req.method) {
      case "POST": {
        const { token, lifeMs, holder } = keys.signIn(req);
        exchange.fields["key"] = holder.key.name;
        const { headers, ...reply } = json(200, answer(holder));
        return { ...reply, headers: { ...headers, "set-cookie": signInCookie(req, port, token, lifeMs) } };
      }
      case "DELETE":
        keys.signOut(req);
        return {
          status: 204,
          headers: { "cache-control": "no-store", "set-cookie": signInCookie(req, port, undefined, 0) },
        };
      default:
        return json(200, answer(keys.holder(req)));
    }
  },
};
