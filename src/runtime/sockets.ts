import type { IncomingMessage } from "node:http";
import { WireError } from "../shared/errors.ts";
import { pathsOf } from "../shared/protocol.ts";
import type { Face } from "../shared/protocol.ts";
import type { RuntimeContext } from "./context.ts";
import { createNativeDialect } from "./native/sessions/dialect.ts";
import { chooseRealtimeSubprotocol, createRealtimeDialect } from "./realtime/dialect.ts";
import type { Dialect } from "./sessions/dialect.ts";
import { isLoading } from "./lifecycle/readiness.ts";
import { offeredSubprotocols, requireUpgradable, upgradeHeaders, webSocketRoute } from "./sessions/upgrade.ts";
import type { UpgradePolicy } from "./sessions/websocket.ts";

/** What the WebSocket routes of a face speak. */
interface SocketFace {
  createDialect(context: RuntimeContext, req: IncomingMessage): Dialect;
  /** Sessions open while the model loads; their audio waits. */
  readonly opensWhileLoading: boolean;
  chooseSubprotocol?(offered: readonly string[]): string | undefined;
}

const FACES: Partial<Readonly<Record<Face, SocketFace>>> = {
  native: { createDialect: createNativeDialect, opensWhileLoading: false },
  realtime: {
    createDialect: createRealtimeDialect,
    opensWhileLoading: true,
    chooseSubprotocol: chooseRealtimeSubprotocol,
  },
};

/** Upgrades on the HTTP port: the routes of the table. */
export function upgradesByRoute(context: RuntimeContext): UpgradePolicy {
  return {
    routeOf: (path) => webSocketRoute(path) ?? UNMATCHED,
    accept: (req, path, client) => {
      const face = FACES[(webSocketRoute(path) ?? UNMATCHED).face];
      const mayLoad = face?.opensWhileLoading === true && isLoading(context);
      const use = requireUpgradable(req, path, client, context, mayLoad);
      if (face === undefined) throw new WireError("not_found", `WebSocket sessions are served at ${PATHS}`);
      const subprotocol = face.chooseSubprotocol?.(offeredSubprotocols(req));
      const headers: Record<string, string> =
        subprotocol === undefined ? {} : { "sec-websocket-protocol": subprotocol };
      return { dialect: face.createDialect(context, req), headers: { ...upgradeHeaders(req, path), ...headers }, use };
    },
  };
}

const PATHS = pathsOf("websocket").join(", ");
const UNMATCHED = { path: "unmatched", face: "native" } as const;
