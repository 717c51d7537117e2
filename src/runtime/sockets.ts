import { WireError } from "../shared/errors.ts";
import { ROUTES } from "../shared/protocol.ts";
import type { Face } from "../shared/protocol.ts";
import type { RuntimeContext } from "./context.ts";
import { createNativeDialect } from "./native/sessions/dialect.ts";
import type { Dialect } from "./sessions/dialect.ts";
import { requireUpgradable, upgradeHeaders, webSocketRoute } from "./sessions/upgrade.ts";
import type { UpgradePolicy } from "./sessions/websocket.ts";

/** What the WebSocket routes of each face speak. */
const DIALECTS: Partial<Readonly<Record<Face, (context: RuntimeContext) => Dialect>>> = {
  native: createNativeDialect,
};

/** Upgrades on the HTTP port: the routes of the table. */
export function upgradesByRoute(context: RuntimeContext): UpgradePolicy {
  return {
    routeOf: (path) => webSocketRoute(path) ?? UNMATCHED,
    accept: (req, path, client) => {
      requireUpgradable(req, path, client, context);
      const dialect = DIALECTS[(webSocketRoute(path) ?? UNMATCHED).face];
      if (dialect === undefined)
        throw new WireError("not_found", `WebSocket sessions are served at ${ROUTES.live.path}`);
      return { dialect: dialect(context), headers: upgradeHeaders(path) };
    },
  };
}

const UNMATCHED = { path: "unmatched", face: "native" } as const;
