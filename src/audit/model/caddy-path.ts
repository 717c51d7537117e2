// Which path the server sees of a path that the client asks for, through Caddy.
import type { CaddyDirective, CaddySite } from "../parse/caddyfile-tree.ts";
import type { CaddyPoint } from "./caddy.ts";
import { caddyPathMatches, isMatcher, plainArgs } from "./caddy.ts";
import { safeRegExp } from "./nginx-points.ts";

/** Directives that change the path, in Caddy's own order. */
const ORDER = ["rewrite", "uri", "try_files"];

/** Returns the paths under which a client may reach `route` through this proxy. */
export function caddyPublicPaths(point: CaddyPoint, route: string): readonly string[] {
  const short = route.replace(/^\/v1(?=\/)/, "");
  const prefixes = point.paths.flatMap((pattern) => {
    const prefix = /^((?:\/[\w.~-]+)*)\/?\*?$/.exec(pattern)?.[1];
    return prefix === undefined ? [] : [prefix];
  });
  const candidates = [route, ...prefixes.flatMap((prefix) => [prefix, prefix + route, prefix + short])];
  return [...new Set(candidates)].filter((path) => path !== "" && arrivesAs(point, path) === route);
}

/** Returns the path the server sees; undefined where the proxy does not take the path, or a placeholder decides. */
export function arrivesAs(point: CaddyPoint, path: string): string | undefined {
  return follow(point, path).seen;
}

/** Returns the directive that changes a path before the matcher of the proxy, which then no longer takes it, with its result. */
export function changedTooEarly(
  point: CaddyPoint,
  path: string,
): { readonly by: CaddyDirective; readonly to: string } | undefined {
  return follow(point, path).lost;
}

function follow(
  point: CaddyPoint,
  path: string,
): { readonly seen?: string | undefined; readonly lost?: { readonly by: CaddyDirective; readonly to: string } } {
  const chain = [...point.around, point.proxy];
  let at = path;
  for (const [i, inner] of chain.entries()) {
    const outer = chain[i - 1];
    const level = outer === undefined ? point.site.directives : (outer.block ?? []);
    const before = at;
    let by: CaddyDirective | undefined;
    for (const directive of changes(level, outer, inner)) {
      const next = change(point.site, directive, at);
      if (next === undefined) return {};
      if (next !== at) by = directive;
      at = next;
    }
    if (matching(point.site, inner, at) === undefined)
      return by && matching(point.site, inner, before) ? { lost: { by, to: at } } : {};
    if (inner.name === "handle_path") at = at.slice(prefixOf(inner).length) || "/";
  }
  for (const directive of point.proxy.block ?? []) {
    if (directive.name !== "rewrite" && directive.name !== "uri") continue;
    const next = change(point.site, directive, at);
    if (next === undefined) return {};
    at = next;
  }
  return { seen: at };
}

/** Prefix that `handle_path` removes. */
function prefixOf(directive: CaddyDirective): string {
  return (directive.args[0]?.value ?? "").replace(/\/?\*$/, "");
}

/** What changes the path on one level before `inner` has its turn: in a `route` what stands above it, elsewhere all, sorted. */
function changes(
  level: readonly CaddyDirective[],
  outer: CaddyDirective | undefined,
  inner: CaddyDirective,
): readonly CaddyDirective[] {
  const found = level.filter(({ name }) => ORDER.includes(name));
  return outer?.name === "route"
    ? found.filter((directive) => level.indexOf(directive) < level.indexOf(inner))
    : found.toSorted((a, b) => ORDER.indexOf(a.name) - ORDER.indexOf(b.name));
}

/** The path after one directive. */
function change(site: CaddySite, directive: CaddyDirective, path: string): string | undefined {
  const match = matching(site, directive, path);
  if (match === undefined) return path;
  const [first = "", second = "", third = ""] = plainArgs(directive).map(({ value }) => value);
  const filled = (text: string): string | undefined => {
    const out = text
      .replace(/\?.*$/, "")
      .replace(/\{(?:path|uri|http\.request\.uri(?:\.path)?)\}/g, path)
      .replace(
        /\{(?:re|http\.regexp)\.(?:[A-Za-z_]\w*\.)?(\d)\}/g,
        (_, n: string) => match.captures?.[Number(n)] ?? "",
      );
    return out.includes("{") ? undefined : out || path;
  };
  if (directive.name === "rewrite") return filled(first);
  if (directive.name === "try_files") {
    const last = plainArgs(directive).at(-1)?.value ?? "";
    return /\.(?:html?|php)$/.test(last) ? last : path;
  }
  if (first === "strip_prefix") return path.startsWith(second) ? path.slice(second.length) || "/" : path;
  if (first === "strip_suffix") return path.endsWith(second) ? path.slice(0, -second.length) : path;
  if (first === "replace") return path.replaceAll(second, third);
  const regex = first === "path_regexp" ? safeRegExp(second) : undefined;
  return regex ? path.replace(regex, third) : undefined;
}

/** The match of a directive's matcher, with the captures of its path_regexp; undefined when the path does not match. */
function matching(
  site: CaddySite,
  directive: CaddyDirective,
  path: string,
): { readonly captures?: RegExpExecArray } | undefined {
  const first = directive.args[0];
  if (!first || !isMatcher(first) || first.value === "*") return {};
  if (first.value.startsWith("/")) return caddyPathMatches(first.value, path) ? {} : undefined;
  const definition = site.directives.find(({ name }) => name === first.value);
  const words = definition?.args.map(({ value }) => value) ?? [];
  const lines = definition?.block?.map(({ name, args }) => [name, ...args.map(({ value }) => value)]) ?? [words];
  let captures: RegExpExecArray | undefined;
  for (const [kind, ...args] of lines) {
    if (kind === "path" && !args.some((pattern) => caddyPathMatches(pattern, path))) return undefined;
    if (kind === "not" && args[0] === "path" && args.slice(1).some((pattern) => caddyPathMatches(pattern, path)))
      return undefined;
    if (kind !== "path_regexp") continue;
    captures = safeRegExp(args.at(-1) ?? "")?.exec(path) ?? undefined;
    if (!captures) return undefined;
  }
  return captures ? { captures } : {};
}
