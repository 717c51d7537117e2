// Which path the server sees of a path that the client asks for.
import type { CaddyDirective } from "../parse/caddyfile-tree.ts";
import type { CaddyPoint } from "./caddy.ts";
import { plainArgs } from "./caddy.ts";
import { arg, ownAll } from "./nginx.ts";
import type { NginxPoint } from "./nginx-points.ts";
import { locationMatcher, safeRegExp } from "./nginx-points.ts";

/** Returns the paths under which a client may reach `route` through this pass: as it is, or below the location's prefix. */
export function publicPaths(point: NginxPoint, route: string): readonly string[] {
  const below = prefixOf(point) + route;
  return [...new Set([route, below])].filter((path) => passedOn(point, path) === route);
}

/** Returns the path the server sees; undefined where the location does not take the path, or a variable decides. */
export function passedOn(point: NginxPoint, path: string): string | undefined {
  const { modifier, path: pattern } = locationMatcher(point.location);
  const regex = modifier === "~" || modifier === "~*" ? safeRegExp(pattern, modifier === "~*") : undefined;
  const captures = regex?.exec(path);
  if (regex ? !captures : modifier === "=" ? path !== pattern : modifier !== "@" && !path.startsWith(pattern))
    return undefined;
  const rewritten = rewrite(point, path);
  const target = point.address.path.replace(/\$(?:is_args|args|query_string)\b|\?.*$/g, "");
  // After a rewrite the URI of proxy_pass no longer counts; without one the client's path stays.
  if (rewritten !== path || target === "" || target === "$uri" || target === "$request_uri") return rewritten;
  if (captures) return target.replace(/\$(\d)/g, (_, n: string) => captures[Number(n)] ?? "");
  return target.includes("$") ? undefined : target + path.slice(pattern.length);
}

/** Returns the sub-path of a location: `/stt` of `/stt/`, `^/stt/(.*)$` or `^~ /stt`. Empty at the root and for the server's own paths. */
export function prefixOf(point: NginxPoint): string {
  const { modifier, path } = locationMatcher(point.location);
  if (modifier === "@") return "";
  if (modifier === "~" || modifier === "~*")
    return (/^\^?((?:\/[A-Za-z0-9_-]+)+)(?=\/|\$|\(|$)/.exec(path)?.[1] ?? "").replace(/\/$/, "");
  return path.replace(/\/$/, "");
}

/** Returns the prefix that Caddy removes on the way to this proxy; undefined where a rewrite decides. */
export function strippedPrefix(point: CaddyPoint): string | undefined {
  let prefix = "";
  const levels = [point.site.directives, ...point.around.map((directive) => directive.block ?? [])];
  for (const directive of point.around)
    if (directive.name === "handle_path") prefix += (directive.args[0]?.value ?? "").replace(/\/?\*$/, "");
  for (const directive of levels.flat()) {
    if (directive.name === "rewrite" || directive.name === "try_files") return undefined;
    if (directive.name !== "uri") continue;
    const [operation, value] = plainArgs(directive);
    if (operation?.value === "strip_prefix") prefix += (value?.value ?? "").replace(/\/$/, "");
    else return undefined;
  }
  return rewrites(point.proxy) ? undefined : prefix;
}

// ---

function rewrites(proxy: CaddyDirective): boolean {
  return (proxy.block ?? []).some(({ name }) => name === "rewrite" || name === "uri");
}

function rewrite(point: NginxPoint, path: string): string {
  for (const directive of ownAll(point.scope, "rewrite")) {
    const match = safeRegExp(arg(directive, 0))?.exec(path);
    const flag = arg(directive, 2);
    if (!match || flag === "last" || flag === "redirect" || flag === "permanent") continue;
    return arg(directive, 1)
      .replace(/\?.*$/, "")
      .replace(/\$(\d)/g, (_, n: string) => match[Number(n)] ?? "");
  }
  return path;
}
