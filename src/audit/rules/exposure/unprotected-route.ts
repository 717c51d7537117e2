import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { arg, headSpan, inherited, ownAll } from "../../model/nginx.ts";
import { nginxLocations } from "../../model/nginx-points.ts";
import { caddyHead } from "../../model/caddy.ts";
import { ALL_ROUTES, samplePath } from "../../../shared/protocol.ts";
import { caddyAuth, caddyAuthSomewhere, nginxAuth, nginxDenied, nginxPassword, refusedBeforehand } from "./auth.ts";
import { removeLines, replace } from "../kit/edits.ts";
import { caddyPointFor, routesAt } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-EXP-005",
  severity: "error",
  confidence: "certain",
  title: "A route of the server is reachable without the password",
  why: "Authentication applies only where it is configured: `handle` blocks of Caddy exclude each other, `auth_basic off` and `satisfy any` open a location, and nginx answers `return` before it asks for a password. One open location is enough to use the whole service.",
  evidence: ["Tried on nginx: `return 200` in a location under server-level auth_basic answers without credentials."],
  reads: ["nginx", "caddyfile", "caddy-json", "config"],
  fixKind: "unsafe",
  *check(facts) {
    const open = new Set(facts.assume.list("deploy.publicPaths"));
    const declared = /^(?:basic|forward|mtls)$/.test(facts.assume.text("deploy.auth.kind") ?? "");
    const related = facts.assume.related("deploy.auth.kind");
    const realms = new Set<unknown>();
    for (const point of appNginxPoints(facts)) {
      const basic = inherited(point.scope, "auth_basic");
      if (!basic || arg(basic, 0) === "off" || realms.has(basic) || nginxAuth(point.scope)) continue;
      realms.add(basic);
      yield {
        span: headSpan(basic),
        message: "auth_basic without auth_basic_user_file does not ask for a password: nginx accepts every request",
        fix: "Name the password file with auth_basic_user_file.",
        related: [{ span: headSpan(point.pass), message: "open to every client" }],
      };
    }
    for (const point of appNginxPoints(facts)) {
      const server = point.server;
      const somewhere = server
        ? nginxAuth(server) || nginxLocations(server).some((location) => nginxAuth(location))
        : nginxAuth(point.scope);
      if (!somewhere && !declared) continue;
      const bare = routesAt(point).filter((route) => !open.has(route.path) && route.traffic !== "metrics");
      const first = bare[0];
      if (first && !nginxAuth(point.scope) && !nginxDenied(point.scope)) {
        const off = ownAll(point.location, "auth_basic").find((directive) => arg(directive, 0) === "off");
        yield {
          span: headSpan(off ?? point.pass),
          message: `${bare.map((route) => route.path).join(", ")} ${bare.length === 1 ? "is" : "are"} reachable without the password${somewhere ? " that other locations ask for" : ""}`,
          fix: "Set auth_basic at server level and switch it off only in the exact locations of deploy.publicPaths.",
          ...(off ? { edits: [removeLines(off)] } : {}),
          related,
        };
      }
      const satisfy = inherited(point.scope, "satisfy");
      const allow = inherited(point.scope, "allow");
      if (
        first &&
        satisfy &&
        arg(satisfy, 0) === "any" &&
        allow &&
        /^(?:all|0\.0\.0\.0\/0|10\.|172\.(?:1[6-9]|2\d|3[01])\.|192\.168\.)/.test(arg(allow, 0))
      ) {
        yield {
          span: headSpan(satisfy),
          message: `satisfy any with \`allow ${arg(allow, 0)}\` lets those addresses in without the password`,
          fix: "Write `satisfy all;`.",
          ...(satisfy.args[0] ? { edits: [replace(satisfy.args[0], "all")] } : {}),
          confidence: "likely",
        };
      }
    }
    for (const server of new Set(appNginxPoints(facts).flatMap((point) => (point.server ? [point.server] : [])))) {
      for (const location of nginxLocations(server)) {
        // An internal location answers no client directly.
        if (!nginxPassword(location) || refusedBeforehand(location) || ownAll(location, "internal").length > 0)
          continue;
        const early = location.own.find(
          (directive) => directive.directive === "return" && /^2\d\d$/.test(arg(directive, 0)),
        );
        if (early)
          yield {
            span: headSpan(early),
            severity: "note",
            message: `\`return ${arg(early, 0)}\` answers before nginx asks for the password`,
            fix: "Serve the answer from a file or an upstream, or treat this location as public.",
          };
      }
    }
    for (const point of appCaddyPoints(facts)) {
      if (!caddyAuthSomewhere(point.site) && !declared) continue;
      const bare = ALL_ROUTES.filter(
        (route) =>
          route.traffic !== "metrics" &&
          route.replacedBy === undefined &&
          !open.has(route.path) &&
          caddyPointFor(point, samplePath(route)) &&
          !caddyAuth(point, samplePath(route)),
      );
      if (bare.length === 0) continue;
      yield {
        span: caddyHead(point.proxy),
        message: `${bare.map((route) => route.path).join(", ")} ${bare.length === 1 ? "is" : "are"} reachable without the password: the basic_auth of another block does not cover this one`,
        fix: "Put basic_auth at the top of the site or into every handle block but those of deploy.publicPaths.",
        related,
      };
    }
  },
};
