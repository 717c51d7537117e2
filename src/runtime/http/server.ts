import { createServer } from "node:http";
import type { Server } from "node:http";
import { requestTimeoutMs } from "../../config/derived.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import type { RuntimeContext } from "../context.ts";
import type { ClientConnections } from "./connections/client-connections.ts";
import { attach } from "./connections/dispatch.ts";
import type { RequestHandler, UpgradeHandler } from "./connections/dispatch.ts";
import { serverOptions } from "./server-options.ts";

/** Creates the HTTP server: every request becomes an exchange with an id, a client and one log line before a route sees it. */
export function createHttpServer(
  context: RuntimeContext,
  clients: ClientConnections,
  handler: RequestHandler,
  onUpgrade: UpgradeHandler,
): Server {
  const server = createServer(serverOptions(context.settings.current.server.headersTimeoutMs));
  configureServer(server, context);
  attach(server, context, clients, handler, onUpgrade);
  return server;
}

/** Sets the time limits, now and after each reload. */
export function configureServer(server: Server, { settings }: RuntimeContext): void {
  const apply = (config: ResolvedConfig): void => {
    server.keepAliveTimeout = config.server.keepAliveTimeoutMs;
    server.headersTimeout = config.server.headersTimeoutMs;
    server.requestTimeout = requestTimeoutMs(config);
  };
  // Node drops headers beyond its limit without a word, Origin and Content-Length included; requestFault refuses by its own count.
  server.maxHeadersCount = 0;
  apply(settings.current);
  settings.onChange(apply);
}
