// Whether a fix changes what other applications on the same host answer.
import { ALL_ROUTES } from "../shared/protocol.ts";
import type { CaddyPoint } from "./model/caddy.ts";
import { prefixOf } from "./model/forwarded-path.ts";
import type { Facts } from "./model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "./model/facts.ts";
import { allScopes, closest, type NginxScope } from "./model/nginx.ts";
import type { NginxPoint } from "./model/nginx-points.ts";
import { nginxServers } from "./model/nginx-points.ts";
import type { Edit } from "./parts.ts";
import type { CaddyDirective, CaddySite } from "./parse/caddyfile-tree.ts";
import type { Source, Span } from "./source.ts";

/** Answers whether an edit changes what other applications answer. */
export type TouchesOthers = (edit: Edit) => boolean;

/** Looks at servers of nginx and sites of Caddy that serve this server, something else, or both. */
export function sharedHosts(facts: Facts): TouchesOthers {
  const nginx = appNginxPoints(facts);
  const caddy = appCaddyPoints(facts);
  const prefixes = [...nginx.map((point) => prefixOf(point)), ...caddy.flatMap(({ paths }) => paths)].filter(isSubPath);
  const isRouteOfOurs = (text: string): boolean => {
    const path = /^\s*(?:location = |handle |respond )(\/\S+)/.exec(text)?.[1];
    return path !== undefined && prefixes.some((prefix) => path.startsWith(prefix.replace(/\*$/, "")));
  };
  const inNginx = nginxTouches(facts, nginx);
  const inCaddy = caddyTouches(facts, caddy);
  return (edit) => !isRouteOfOurs(edit.text) && (inNginx(edit) || inCaddy(edit));
}

/** What may stand at the top level or in `http` without a change for any other server. */
const ADDITION = /^\s*(?:map|upstream|limit_req_zone|limit_conn_zone|worker_shutdown_timeout)\s/;

/** Blocks of `http` that make a variable. */
const DEFINES: ReadonlySet<string> = new Set(["map", "geo", "split_clients"]);

function nginxTouches(facts: Facts, ours: readonly NginxPoint[]): TouchesOthers {
  const exclusive = new Set<NginxScope>();
  const all: NginxScope[] = [];
  for (const root of facts.nginx)
    for (const server of nginxServers(root)) {
      all.push(server);
      const own = ours.filter((point) => point.server === server);
      const isShared =
        facts.nginxPoints.some((point) => point.server === server && !ours.includes(point)) ||
        servesFiles(server) ||
        own.every((point) => isSubPath(prefixOf(point)));
      // A server that only redirects or refuses answers for no application.
      if (own.length > 0 ? !isShared : answersNothing(server)) exclusive.add(server);
    }
  const hasOthers = all.some((server) => !exclusive.has(server));
  const locations = new Set(ours.map(({ location }) => location));
  const isOurs = (scope: NginxScope): boolean => {
    for (let at: NginxScope | undefined = scope; at && at.kind !== "server"; at = at.parent)
      if (locations.has(at)) return true;
    return false;
  };
  const everywhere = facts.nginx.flatMap((root) => [...allScopes(root.main)]);
  /** Another application, or a level that all of them share, reads the variable of a block. */
  const isUsedBesides = (block: NginxScope): boolean => {
    const name = (block.directive?.args.at(-1)?.value ?? "").replace(/^\$/, "");
    const uses = new RegExp(`\\$\\{?${name}\\b`);
    return everywhere.some((scope) => {
      if (scope === block || isOurs(scope)) return false;
      const server = closest(scope, "server");
      if (server !== undefined && exclusive.has(server)) return false;
      return scope.own.some((item) => item !== block.directive && item.args.some(({ value }) => uses.test(value)));
    });
  };
  // Many findings, many servers: each edit looks only at scopes with text of its file.
  const bySource = new Map<Source, Set<NginxScope>>();
  for (const scope of everywhere)
    for (const { source } of [...(scope.directive ? [scope.directive] : []), ...scope.own])
      bySource.set(source, (bySource.get(source) ?? new Set()).add(scope));
  return ({ span, text }) => {
    const scopes = ours.length === 0 ? [] : [...(bySource.get(span.source) ?? [])];
    // A new default server answers the names that another application answered as the first one.
    if (hasOthers && /^\s*server\s*\{/.test(text) && scopes.length > 0) return true;
    return scopes.some((scope) => {
      if (!holds(scope, span) || isOurs(scope)) return false;
      const server = closest(scope, "server");
      if (server) return !exclusive.has(server);
      if (DEFINES.has(scope.kind)) return hasOthers && isUsedBesides(scope);
      return (scope.kind === "http" || scope.kind === "main") && hasOthers && !ADDITION.test(text);
    });
  };
}

/** Whether a span stands directly in a scope, also through an include. */
function holds(scope: NginxScope, span: Span): boolean {
  const within = (part: Span): boolean => part.source === span.source && span.start > part.start && span.end < part.end;
  const isHere = (scope.directive && within(scope.directive)) || scope.own.some((item) => item.source === span.source);
  const block = scope.directive?.source === span.source ? scope.directive : undefined;
  if (!isHere || (block && !within(block))) return false;
  return !scope.own.some((item) => item.block !== undefined && within(item));
}

function servesFiles(server: NginxScope): boolean {
  const words = /^(?:root|alias|try_files|fastcgi_pass|uwsgi_pass|scgi_pass)$/;
  return [...allScopes(server)].some(
    (scope) => scope.kind === "location" && scope.own.some(({ directive }) => words.test(directive)),
  );
}

function answersNothing(server: NginxScope): boolean {
  return server.own.some(({ directive }) => directive === "return" || directive === "ssl_reject_handshake");
}

function caddyTouches(facts: Facts, ours: readonly CaddyPoint[]): TouchesOthers {
  // The block around a proxy is its own only where nothing else lies in it.
  const isAlone = (block: CaddyDirective): boolean =>
    !servesPages(block) && facts.caddyPoints.every((point) => ours.includes(point) || !point.around.includes(block));
  const own: readonly Span[] = ours.flatMap(({ proxy, around }) => [proxy, ...around.slice(-1).filter(isAlone)]);
  const sites = facts.caddy.flatMap((file) => file.sites);
  const isForeign = (site: CaddySite): boolean => {
    const points = ours.filter((point) => point.site === site);
    return (
      facts.caddyPoints.some((point) => point.site === site && !ours.includes(point)) ||
      site.directives.some(servesPages) ||
      (points.length > 0
        ? points.every(({ paths }) => paths.length > 0 && paths.every(isSubPath))
        : site.directives.some(({ name }) => name === "respond" || name === "root"))
    );
  };
  const foreign = ours.length > 0 ? sites.filter(isForeign) : [];
  return ({ span }) =>
    !own.some((part) => contains(part, span)) &&
    foreign.some(
      (site) =>
        (site.source === span.source && span.start > site.start && span.end < site.end) ||
        // A snippet or an imported file, seen through the sites that import it.
        site.directives.some((directive) => !contains(site, directive) && reaches(directive, span)),
    );
}

/** An insertion right behind a one-line directive belongs to it, one in front of it does not. */
function contains(part: Span, span: Span): boolean {
  const isBefore = span.start === part.start && span.end === span.start;
  return part.source === span.source && span.start >= part.start && span.end <= part.end && !isBefore;
}

function servesPages({ name, block }: CaddyDirective): boolean {
  return name === "file_server" || name === "php_fastcgi" || (block ?? []).some(servesPages);
}

function reaches(directive: CaddyDirective, span: Span): boolean {
  const overlaps = directive.source === span.source && span.start < directive.end && span.end > directive.start;
  return overlaps || contains(directive, span) || (directive.block ?? []).some((inner) => reaches(inner, span));
}

/** Below a path that is not one of the server's the rest of the name belongs to something else. */
function isSubPath(path: string): boolean {
  return (
    path.startsWith("/") &&
    path.length > 1 &&
    !ALL_ROUTES.some((route) => route.path.startsWith(path.replace(/\*$/, "")))
  );
}
