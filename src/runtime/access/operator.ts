import type { IncomingMessage } from "node:http";
import { WireError } from "../../shared/errors.ts";
import type { RuntimeContext } from "../context.ts";
import { isLocalCaller } from "./local-caller.ts";

/** Returns whether the machine itself asks, a user of a proxy that signs them in, or a key with the scope `admin`. */
export function isOperator(req: IncomingMessage, { keys, isIngress }: RuntimeContext): boolean {
  if (isLocalCaller(req) || isIngress(req.socket.remoteAddress)) return true;
  return keys.holder(req)?.key.scopes.includes("admin") === true;
}

/** Refuses everyone but the operator. */
export function requireOperator(req: IncomingMessage, context: RuntimeContext): void {
  if (isOperator(req, context)) return;
  throw new WireError(
    "local_only",
    "this is for the server's own machine and for API keys with the scope admin; or run gigastt status there",
  );
}
