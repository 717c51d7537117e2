import type { NginxDirective } from "../parse/nginx.ts";
import type { Address } from "./address.ts";
import { parseAddress } from "./address.ts";
import type { NginxRoot, NginxScope } from "./nginx.ts";
import { allScopes, arg, closest, ownAll } from "./nginx.ts";

/** One place where nginx passes requests on. */
export interface NginxPoint {
  readonly root: NginxRoot;
  readonly scope: NginxScope;
  /** The location (or server) that holds the pass, also when it stands in an `if`. */
  readonly location: NginxScope;
  readonly server: NginxScope | undefined;
  readonly pass: NginxDirective;
  readonly address: Address;
  /** Servers behind the name when it is an `upstream`. */
  readonly upstream: NginxScope | undefined;
  readonly targets: readonly Address[];
  /** Path the location matches, without modifiers; `/` for a server-level pass. */
  readonly path: string;
  readonly modifier: "" | "=" | "~" | "~*" | "^~" | "@";
}

/** Every `proxy_pass` of a root. */
export function nginxPoints(root: NginxRoot): readonly NginxPoint[] {
  const upstreams = new Map<string, NginxScope>();
  for (const scope of allScopes(root.main)) {
    if (scope.kind === "upstream") upstreams.set(arg(scope.directive, 0).toLowerCase(), scope);
  }
  const points: NginxPoint[] = [];
  for (const scope of allScopes(root.main)) {
    if (closest(scope, "stream")) continue;
    for (const pass of ownAll(scope, "proxy_pass")) {
      const addresses = passValues(scope, root.main, arg(pass, 0)).map(parseAddress);
      const address = addresses.find(({ host }) => upstreams.has(host)) ?? addresses[0] ?? parseAddress("");
      const upstream = upstreams.get(address.host);
      const targets = addresses.flatMap((item) => {
        const named = upstreams.get(item.host);
        return named ? ownAll(named, "server").map((server) => parseAddress(arg(server, 0))) : [item];
      });
      const location = scope.kind === "if" || scope.kind === "limit_except" ? (scope.parent ?? scope) : scope;
      const matcher = locationMatcher(location);
      points.push({
        root,
        scope,
        location,
        server: closest(scope, "server"),
        pass,
        address,
        upstream,
        targets,
        ...matcher,
      });
    }
  }
  return points;
}

/** Every server block outside `stream` and `mail`. */
export function nginxServers(root: NginxRoot): readonly NginxScope[] {
  return [...allScopes(root.main)].filter(
    (scope) => scope.kind === "server" && !closest(scope, "stream") && !closest(scope, "mail"),
  );
}

/** All locations of a server, nested ones too. */
export function nginxLocations(server: NginxScope): readonly NginxScope[] {
  return [...allScopes(server)].filter((scope) => scope.kind === "location");
}

/** The location that serves a path, by nginx's order: exact, `^~`, regexes, longest prefix. */
export function locationFor(server: NginxScope, path: string): NginxScope | undefined {
  let prefix: { scope: NginxScope; length: number; stop: boolean } | undefined;
  const regexes: NginxScope[] = [];
  for (const scope of server.scopes) {
    if (scope.kind !== "location") continue;
    const { modifier, path: pattern } = locationMatcher(scope);
    if (modifier === "=" && pattern === path) return scope;
    if (modifier === "~" || modifier === "~*") regexes.push(scope);
    else if (
      (modifier === "" || modifier === "^~") &&
      path.startsWith(pattern) &&
      pattern.length > (prefix?.length ?? -1)
    ) {
      prefix = { scope, length: pattern.length, stop: modifier === "^~" };
    }
  }
  const outer = prefix && !prefix.stop ? regexes.find((scope) => regexMatches(scope, path)) : undefined;
  const found = outer ?? (prefix ? prefix.scope : regexes.find((scope) => regexMatches(scope, path)));
  const inner = found && (locationFor(found, path) ?? found);
  return inner && (fallbackOf(server, inner) ?? inner);
}

/** `try_files … @name` leads everything without a file to the named location. */
function fallbackOf(server: NginxScope, location: NginxScope): NginxScope | undefined {
  const name = location.own.findLast(({ directive }) => directive === "try_files")?.args.at(-1)?.value;
  if (name === undefined || !name.startsWith("@") || ownAll(location, "proxy_pass").length > 0) return undefined;
  return server.scopes.find((scope) => scope.kind === "location" && arg(scope.directive, 0) === name);
}

export function locationMatcher(scope: NginxScope): Pick<NginxPoint, "path" | "modifier"> {
  if (scope.kind !== "location") return { path: "/", modifier: "" };
  const first = arg(scope.directive, 0);
  if (first === "=" || first === "~" || first === "~*" || first === "^~") {
    return { modifier: first, path: arg(scope.directive, 1) };
  }
  if (first.startsWith("@")) return { modifier: "@", path: first };
  const glued = /^(=|~\*|~|\^~)(.+)$/.exec(first);
  if (glued) return { modifier: glued[1] as "=" | "~" | "~*" | "^~", path: glued[2] ?? "" }; // the regex allows only these
  return { modifier: "", path: first };
}

function regexMatches(scope: NginxScope, path: string): boolean {
  const { modifier, path: pattern } = locationMatcher(scope);
  return safeRegExp(pattern, modifier === "~*")?.test(path) === true;
}

/** Returns the pattern as JavaScript reads it; undefined for one that could backtrack without end or is of another dialect. */
export function safeRegExp(pattern: string, ignoreCase = false): RegExp | undefined {
  if (pattern.length > 300 || /[+*}]\)?[+*{]/.test(pattern)) return undefined;
  try {
    return new RegExp(pattern.replace(/\(\?i\)/g, "").replaceAll("(?P<", "(?<"), ignoreCase ? "i" : "");
  } catch {
    return undefined;
  }
}

/** Every value the pass may have: `set` in its reach and the values of a `map` take the place of their variables. */
function passValues(scope: NginxScope, main: NginxScope, value: string, depth = 0): readonly string[] {
  const name = depth > 4 ? undefined : /\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?/.exec(value.replaceAll(PATH_VARIABLE, "|"));
  if (!name) return [value];
  for (let at: NginxScope | undefined = scope; at; at = at.parent) {
    const found = ownAll(at, "set").find((set) => arg(set, 0) === `$${name[1]}`);
    if (found && arg(found, 1) !== `$${name[1]}`)
      return passValues(
        scope,
        main,
        value.replace(name[0], () => arg(found, 1)),
        depth + 1,
      );
  }
  for (const map of allScopes(main)) {
    if (map.kind !== "map" || arg(map.directive, 1) !== `$${name[1]}`) continue;
    const values = map.own.map((entry) => arg(entry, 0)).filter((item) => item !== "" && !item.startsWith("$"));
    return values.slice(0, 50).flatMap((item) =>
      passValues(
        scope,
        main,
        value.replace(name[0], () => item),
        depth + 1,
      ),
    );
  }
  return [value];
}

/** These stand for the request's path, not for the address. */
const PATH_VARIABLE = /\$\{?(?:request_uri|uri|document_uri|args|is_args|query_string)\}?/g;
