import type { RouteSpec, Traffic } from "../../../shared/protocol.ts";
import { ALL_ROUTES, carries, samplePath } from "../../../shared/protocol.ts";
import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyPathMatches, isMatcher, visit } from "../../model/caddy.ts";
import { caddyPublicPaths } from "../../model/caddy-path.ts";
import { prefixOf, publicPaths } from "../../model/forwarded-path.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { arg, inherited } from "../../model/nginx.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import { locationFor } from "../../model/nginx-points.ts";
import { outerCaddyPoints, outerNginxPoints } from "./inner-proxy.ts";
import { isAtLeast } from "../../model/versions.ts";

/** The server's routes that arrive at a pass, by the locations of its server block. */
export function routesAt(point: NginxPoint): readonly RouteSpec[] {
  // The deprecated alias rides along with whatever takes it.
  const routes = ALL_ROUTES.filter((route) => route.replacedBy === undefined || point.path === route.path);
  const isTaken = (path: string): boolean => {
    if (!point.server) return true;
    const location = locationFor(point.server, path);
    return location ? location === point.location : point.location === point.server;
  };
  const found = routes.filter((route) => publicPaths(point, samplePath(route)).some(isTaken));
  // A sub-path that arrives wrong (GA-STR-018) is still meant for the server: what else is wrong shows at once.
  return found.length > 0 || prefixOf(point) === "" || point.modifier === "="
    ? found
    : routes.filter((route) => isTaken(prefixOf(point) + samplePath(route)));
}

/** A stream of another face, which a proxy written for the native one need not carry: what takes everything says nothing about it. */
export function isOptional({ face, traffic }: RouteSpec): boolean {
  return face !== "native" && (traffic === "websocket" || traffic === "sse");
}

/** Routes with a recording in the body that arrive through this proxy. */
export function caddyUploads(point: CaddyPoint): readonly RouteSpec[] {
  return ALL_ROUTES.filter(
    (route) => route.replacedBy === undefined && carries(route, ...UPLOADS) && caddyPointFor(point, samplePath(route)),
  );
}

/** Traffic with a recording in its body. */
export const UPLOADS = ["rest", "sse"] as const;

/** Passes of nginx that carry a kind of traffic to the server, also through another proxy of the tree. */
export function nginxCarrying(facts: Facts, ...traffic: readonly Traffic[]): readonly NginxPoint[] {
  return [...appNginxPoints(facts), ...outerNginxPoints(facts)].filter((point) =>
    routesAt(point).some((route) => carries(route, ...traffic) && !(isOptional(route) && point.path === "/")),
  );
}

/** Whether nginx asks the server by HTTP/1.0: its default before 1.29.7. */
export function asksByHttp10(facts: Facts, { scope }: NginxPoint): boolean {
  const version = inherited(scope, "proxy_http_version");
  return version ? arg(version, 0) === "1.0" : !isAtLeast(facts.versions.nginx, "1.29.7");
}

/** Proxies of Caddy that carry a kind of traffic to the server, also through another proxy of the tree. */
export function caddyCarrying(facts: Facts, ...traffic: readonly Traffic[]): readonly CaddyPoint[] {
  return [...appCaddyPoints(facts), ...outerCaddyPoints(facts)].filter((point) =>
    ALL_ROUTES.some(
      (route) =>
        carries(route, ...traffic) &&
        route.replacedBy === undefined &&
        !(isOptional(route) && point.paths.length === 0) &&
        caddyPointFor(point, samplePath(route)),
    ),
  );
}

/** Whether a route of the server is reached through this proxy: its own patterns match and no more specific `handle` beside it takes the path. */
export function caddyPointFor(point: CaddyPoint, route: string): boolean {
  const paths = caddyPublicPaths(point, route);
  // A rewrite that cannot be followed, or one that GA-STR-018 reports: the patterns alone decide.
  return (paths.length > 0 ? paths : [route]).some((path) => isTakenBy(point, path));
}

/** Whether the patterns of a proxy take a path, and those of no other block of the site more closely. */
export function isTakenBy(point: CaddyPoint, path: string): boolean {
  if (point.paths.length > 0 && !point.paths.some((pattern) => caddyPathMatches(pattern, path))) return false;
  const handle = point.around.find((directive) => directive.name === "handle" || directive.name === "handle_path");
  const length = Math.max(
    0,
    ...point.paths.filter((pattern) => caddyPathMatches(pattern, path)).map((pattern) => pattern.length),
  );
  let taken = false;
  visit(point.site.directives, [], (directive, around) => {
    if (
      around.length > 0 ||
      directive === handle ||
      (directive.name !== "handle" && directive.name !== "handle_path" && directive.name !== "respond")
    )
      return;
    for (const argument of directive.args.slice(0, 1)) {
      if (!isMatcher(argument) || argument.value === "*") continue;
      const patterns = argument.value.startsWith("/") ? [argument.value] : namedPaths(point, argument.value);
      if (patterns.some((pattern) => caddyPathMatches(pattern, path) && pattern.length > length)) taken = true;
    }
  });
  return !taken;
}

function namedPaths(point: CaddyPoint, name: string): readonly string[] {
  const definition = point.site.directives.find((item) => item.name === name);
  if (!definition) return [];
  if (definition.args[0]?.value === "path") return definition.args.slice(1).map((argument) => argument.value);
  return (definition.block ?? [])
    .filter((item) => item.name === "path")
    .flatMap((item) => item.args.map((argument) => argument.value));
}

/** True when rules for any upstream should speak at full severity: the pass leads to the server, or the tree has no server at all. */
export function isOurs(facts: Facts, point: NginxPoint): boolean {
  const ours = appNginxPoints(facts);
  return ours.length === 0 || ours.includes(point);
}
