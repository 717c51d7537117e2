import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { headSpan, inherited } from "../../model/nginx.ts";
import { caddyHead } from "../../model/caddy.ts";
import { caddyAuth, nginxAuth } from "./auth.ts";
import { caddyPointFor, routesAt } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-EXP-018",
  severity: "warning",
  confidence: "certain",
  title: "A route that the config calls public asks for the password",
  why: "deploy.publicPaths names what needs no password: health checks, a status page, a model list. When the proxy asks for a password there, monitoring sees 401 and reports a healthy server as dead, and the load balancer removes it.",
  evidence: ["Reproduced: an uptime check on /health behind auth_basic always gets 401."],
  reads: ["nginx", "caddyfile", "config"],
  fixKind: "manual",
  *check(facts) {
    if (!facts.assume.isSet("deploy.publicPaths")) return;
    const open = new Set(facts.assume.list("deploy.publicPaths"));
    const related = facts.assume.related("deploy.publicPaths");
    for (const point of appNginxPoints(facts)) {
      const routes = routesAt(point).filter((route) => open.has(route.path));
      if (routes.length === 0 || !nginxAuth(point.scope)) continue;
      const basic = inherited(point.scope, "auth_basic") ?? inherited(point.scope, "auth_request");
      yield {
        span: headSpan(point.location?.directive ?? point.pass),
        message: `${routes.map((route) => route.path).join(", ")} ${routes.length === 1 ? "is" : "are"} in deploy.publicPaths, but nginx asks for credentials here`,
        fix: "Give each its own `location = PATH` with `auth_basic off;` (`auth_request off;`).",
        related: [...related, ...(basic ? [{ span: headSpan(basic), message: "asked for here" }] : [])],
      };
    }
    for (const point of appCaddyPoints(facts)) {
      const routes = [...open].filter((path) => path !== "/ws" && caddyPointFor(point, path) && caddyAuth(point, path));
      if (routes.length === 0) continue;
      yield {
        span: caddyHead(point.around[0] ?? point.proxy),
        message: `${routes.join(", ")} ${routes.length === 1 ? "is" : "are"} in deploy.publicPaths, but Caddy asks for credentials here`,
        fix: "Give each its own `handle PATH` without basic_auth before the one that asks.",
        related,
      };
    }
  },
};
