// Which path the server sees of a path that the client asks for, through nginx.
import { arg, ownAll } from "./nginx.ts";
import type { NginxPoint } from "./nginx-points.ts";
import { locationFor, locationMatcher, safeRegExp } from "./nginx-points.ts";

/** Returns the paths under which a client may reach `route` through this pass: as it is, below the location's prefix, or as the location maps it. */
export function publicPaths(point: NginxPoint, route: string): readonly string[] {
  const prefix = prefixOf(point);
  const { path: pattern } = locationMatcher(point.location);
  const target = point.address.path;
  const candidates = [
    route,
    prefix + route,
    // `location /stt/` with `proxy_pass http://…/v1/`
    prefix + route.replace(/^\/v1(?=\/)/, ""),
    ...(pattern.startsWith("/") ? [pattern] : []),
    ...(target.length > 1 && route.startsWith(target) ? [pattern + route.slice(target.length)] : []),
  ];
  return [...new Set(candidates)].filter((path) => passedOn(point, path) === route);
}

/** Returns the path the server sees; undefined where the location does not take the path, or a variable decides. */
export function passedOn(point: NginxPoint, path: string): string | undefined {
  const { modifier, path: pattern } = locationMatcher(point.location);
  const isRegex = modifier === "~" || modifier === "~*";
  let captures = isRegex ? (safeRegExp(pattern, modifier === "~*")?.exec(path) ?? undefined) : undefined;
  if (isRegex ? !captures : modifier === "=" ? path !== pattern : modifier !== "@" && !path.startsWith(pattern))
    return undefined;
  let seen = path;
  for (const directive of ownAll(point.scope, "rewrite")) {
    const match = safeRegExp(arg(directive, 0))?.exec(seen);
    if (!match) continue;
    captures = match;
    const flag = arg(directive, 2);
    seen = fill(arg(directive, 1).replace(/\?.*$/, ""), match);
    if (flag === "break") break;
    // Without `break` nginx looks for a location again.
    if (flag === "redirect" || flag === "permanent" || seen.includes("$")) return undefined;
    if (flag === "last" && (!point.server || locationFor(point.server, seen) !== point.location)) return undefined;
  }
  const raw = arg(point.pass, 0);
  const target = point.address.path.replace(/\$(?:is_args|args|query_string)\b|\?.*$/g, "");
  if (target === "") return raw.includes("$request_uri") ? path : seen;
  if (raw.includes("$")) {
    // With a variable nginx passes the URI of proxy_pass as it is, and appends nothing.
    const uri = fill(target.replaceAll("$request_uri", path).replace(/\$(?:document_)?uri\b/g, seen), captures);
    return uri.includes("$") ? undefined : uri;
  }
  // After a rewrite the URI of proxy_pass no longer counts.
  return seen === path ? target + path.slice(pattern.length) : seen;
}

/** Returns the sub-path of a location: `/stt` of `/stt/`, `^/stt/(.*)$` or `^~ /stt`. Empty at the root and for the server's own paths. */
export function prefixOf(point: NginxPoint): string {
  const { modifier, path } = locationMatcher(point.location);
  if (modifier === "@") return "";
  if (modifier === "~" || modifier === "~*")
    return (/^\^?((?:\/[A-Za-z0-9_-]+)+)(?=\/|\$|\(|$)/.exec(path)?.[1] ?? "").replace(/\/$/, "");
  return path.replace(/\/$/, "");
}

// ---

/** Puts numbered and named captures in. */
function fill(text: string, captures: RegExpExecArray | undefined): string {
  return text
    .replace(/\$(\d)/g, (_, n: string) => captures?.[Number(n)] ?? "")
    .replace(/\$\{?([A-Za-z_]\w*)\}?/g, (whole, name: string) => captures?.groups?.[name] ?? whole);
}
