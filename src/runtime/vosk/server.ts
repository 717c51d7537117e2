import type { RuntimeContext } from "../context.ts";
import { requireHost, requireOrigin, requireSessionKey, requireToken } from "../access/policies.ts";
import type { ClientConnections } from "../http/connections/client-connections.ts";
import type { RequestHandler } from "../http/connections/dispatch.ts";
import type { FaceServer } from "../http/listen.ts";
import { createHttpServer } from "../http/server.ts";
import { isLoading, requireReady } from "../lifecycle/readiness.ts";
import { requireHandshake } from "../sessions/upgrade.ts";
import { createWebSockets } from "../sessions/websocket.ts";
import type { UpgradePolicy } from "../sessions/websocket.ts";
import { createVoskDialect } from "./dialect.ts";

/** Creates the server of the Vosk port: WebSocket sessions on any path, as vosk-server takes them. */
export function createVoskServer(context: RuntimeContext, clients: ClientConnections): FaceServer {
  const sockets = createWebSockets(context, context.sessions, upgrades(context));
  return { server: createHttpServer(context, clients, askForUpgrade, sockets.onUpgrade), close: () => sockets.close() };
}

// ---

function upgrades(context: RuntimeContext): UpgradePolicy {
  return {
    routeOf: () => ({ path: "vosk", face: "native" }),
    accept: (req, _path, client) => {
      requireHandshake(req);
      requireHost(req, context);
      requireOrigin(req, context);
      requireToken(client, context);
      // Telephones do not call again: what they say while the model loads waits for it.
      if (!isLoading(context)) requireReady(context);
      const dialect = createVoskDialect(context);
      return { dialect, use: requireSessionKey(req, { path: "vosk", face: "native", traffic: "websocket" }, context) };
    },
  };
}

const askForUpgrade: RequestHandler = (req, res) => {
  const body = JSON.stringify({
    error: "this port serves WebSocket sessions of the Vosk protocol",
    code: "bad_request",
  });
  res.writeHead(426, { "content-type": "application/json", upgrade: "websocket", connection: "Upgrade, close" });
  res.end(req.method === "HEAD" ? undefined : body);
};
