import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { caddyPublicPaths } from "../../model/caddy-path.ts";
import { publicPaths } from "../../model/forwarded-path.ts";
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
      : { severity: "note" as const, confidence: "needs-context" as const };
    const related = assume.related("metrics.enabled");
    for (const point of appNginxPoints(facts)) {
      if (
        !routesAt(point).some((route) => route.traffic === "metrics") ||
        nginxAuth(point.scope) ||
        nginxDenied(point.scope)
      )
        continue;
      const at = point.location.directive ?? point.pass;
      const paths = publicPaths(point, "/metrics");
      const closed = (paths.length > 0 ? paths : ["/metrics"]).map((path) => `location = ${path} { return 404; }`);
      yield {
        span: headSpan(point.pass),
        message: `${paths[0] ?? "/metrics"} goes through this location to the server, without a password${soft.severity ? ", once metrics are enabled" : ""}`,
        fix: `Add \`${closed[0]}\` and scrape the server directly.`,
        edits: closed.map((text) => insertLineBefore(at.source, at.start, text)),
        related,
        ...soft,
      };
    }
    for (const point of appCaddyPoints(facts)) {
      if (!caddyPointFor(point, "/metrics") || caddyAuth(point, "/metrics")) continue;
      const at = point.around[0] ?? point.proxy;
      const path = caddyPublicPaths(point, "/metrics")[0] ?? "/metrics";
      yield {
        span: caddyHead(point.proxy),
        message: `${path} goes through this proxy to the server, without a password${soft.severity ? ", once metrics are enabled" : ""}`,
        fix: `Add \`handle ${path} { respond 404 }\` (and put the proxy into a \`handle\` of its own).`,
        ...(point.file.source.path.endsWith(".json")
          ? {}
          : {
              edits: [
                insertLineBefore(
                  at.source,
                  at.start,
                  point.around.length > 0 ? `handle ${path} {\n\t\trespond 404\n\t}` : `respond ${path} 404`,
                ),
              ],
            }),
        related,
        ...soft,
      };
    }
  },
};
