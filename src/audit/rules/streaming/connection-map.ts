import type { Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { isAtLeast } from "../../model/versions.ts";
import { allScopes, arg, headSpan, ownAll } from "../../model/nginx.ts";
import { addNginx, replace } from "../kit/edits.ts";
import { effectiveHeaders } from "../kit/headers.ts";
import { isOurs } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-002",
  severity: "warning",
  confidence: "certain",
  title: "The Connection header is not mapped: every request is marked as an upgrade, or as closing",
  why: "A literal `Connection \"upgrade\"` on a location that also carries ordinary requests marks each of them as an upgrade and prevents upstream keep-alive. `'' close` in the map closes the upstream connection after every request: an upstream's `keepalive` is then without effect, and so is that of nginx 1.29.7 and later, which is on by default.",
  evidence: ["nginx CHANGES 1.29.7: upstream keep-alive is on by default."],
  reads: ["nginx"],
  fixKind: "safe",
  *check(facts) {
    for (const root of facts.nginx) {
      for (const scope of allScopes(root.main)) {
        if (scope.kind === "map" && arg(scope.directive, 0) === "$http_upgrade") {
          const empty = scope.own.find((entry) => entry.directive === "" && arg(entry, 0) === "close");
          const value = empty?.args[0];
          const fallback = scope.own.find((entry) => entry.directive === "default");
          if (
            scope.directive &&
            arg(fallback, 0).toLowerCase() === "upgrade" &&
            !scope.own.some((entry) => entry.directive === "")
          ) {
            yield {
              span: headSpan(scope.directive),
              message: `the map has no entry for requests without Upgrade: each of them is marked as an upgrade`,
              fix: "Add `'' '';`.",
              ...(fallback ? { edits: [addNginx(fallback, "'' '';")] } : {}),
            };
          }
          if (empty && value) {
            yield {
              span: headSpan(empty),
              message: "`'' close` closes the upstream connection after every ordinary request",
              fix: "Write `'' '';` so that no Connection header is sent and keep-alive works.",
              edits: [replace(value, "''")],
              // Where nginx keeps no connection open, nothing is lost yet: a newer one would.
              ...(keepsAlive(facts) ? {} : { severity: "note" as const }),
            };
          }
        }
        for (const header of ownAll(scope, "proxy_set_header")) {
          if (arg(header, 0).toLowerCase() !== "connection" || arg(header, 1).toLowerCase() !== "upgrade") continue;
          const users = facts.nginxPoints.filter(
            (point) => effectiveHeaders(point.scope).headers.get("connection")?.directive === header,
          );
          const mixed = users.find(
            (point) =>
              point.modifier !== "=" &&
              !/(?:^|\/)(?:ws|wss|websocket|socket\.io|socket|hub|cable)(?:\/|$)/.test(point.path),
          );
          if (!mixed) continue;
          const variable = [...allScopes(root.main)].find(
            (item) => item.kind === "map" && arg(item.directive, 0) === "$http_upgrade",
          );
          const value = header.args[1];
          yield {
            span: headSpan(header),
            message: 'Connection is always "upgrade", also for ordinary requests through this location',
            fix: "Map it: `map $http_upgrade $connection_upgrade { default upgrade; '' ''; }` and `proxy_set_header Connection $connection_upgrade;`.",
            ...(variable && value ? { edits: [replace(value, arg(variable.directive, 1))] } : {}),
            ...(isOurs(facts, mixed) ? {} : { severity: "note" as const }),
          };
        }
      }
    }
  },
};

/** Whether nginx would keep connections to the server open. */
function keepsAlive(facts: Facts): boolean {
  if (facts.versions.nginx !== undefined && isAtLeast(facts.versions.nginx, "1.29.7")) return true;
  return appNginxPoints(facts).some(({ upstream }) => upstream?.own.some(({ directive }) => directive === "keepalive"));
}
