import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { headSpan } from "../../model/nginx.ts";
import { caddyHead } from "../../model/caddy.ts";
import { caddyAuth, nginxAuth, nginxDenied } from "./auth.ts";
import { insertLineBefore } from "../kit/edits.ts";
import { caddyPointFor, routesAt } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-EXP-008",
  severity: "error",
  confidence: "certain",
  title: "The metrics are public",
  why: "/metrics shows how many sessions run, how long they last and how loaded the machine is. An attacker can use it to tune a denial of service.",
  evidence: ["gixy status_page_exposed"],
  reads: ["nginx", "caddyfile", "config"],
  fixKind: "safe",
  *check(facts) {
    const { assume } = facts;
    if (assume.isSet("metrics.enabled") && !assume.flag("metrics.enabled")) return;
    const soft = assume.isSet("metrics.enabled")
      ? {}
      : { severity: "warning" as const, confidence: "needs-context" as const };
    const related = assume.related("metrics.enabled");
    for (const point of appNginxPoints(facts)) {
      if (
        !routesAt(point).some((route) => route.traffic === "metrics") ||
        nginxAuth(point.scope) ||
        nginxDenied(point.scope)
      )
        continue;
      const at = point.location.directive ?? point.pass;
      yield {
        span: headSpan(point.pass),
        message: `/metrics goes through this location to the server, without a password${soft.severity ? ", once metrics are enabled" : ""}`,
        fix: "Add `location = /metrics { return 404; }` and scrape the server directly.",
        edits: [insertLineBefore(at.source, at.start, "location = /metrics { return 404; }")],
        related,
        ...soft,
      };
    }
    for (const point of appCaddyPoints(facts)) {
      if (!caddyPointFor(point, "/metrics") || caddyAuth(point, "/metrics")) continue;
      const at = point.around[0] ?? point.proxy;
      yield {
        span: caddyHead(point.proxy),
        message: `/metrics goes through this proxy to the server, without a password${soft.severity ? ", once metrics are enabled" : ""}`,
        fix: "Add `handle /metrics { respond 404 }` (and put the proxy into a `handle` of its own).",
        ...(point.file.source.path.endsWith(".json")
          ? {}
          : {
              edits: [
                insertLineBefore(
                  at.source,
                  at.start,
                  point.around.length > 0 ? "handle /metrics {\n\t\trespond 404\n\t}" : "respond /metrics 404",
                ),
              ],
            }),
        related,
        ...soft,
      };
    }
  },
};
