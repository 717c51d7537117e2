import type { Facts } from "./model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "./model/facts.ts";
import { allScopes, type NginxScope } from "./model/nginx.ts";
import { nginxServers } from "./model/nginx-points.ts";
import type { Edit } from "./parts.ts";
import type { Span } from "./source.ts";

/** Parts of the audited files that also answer for other applications, and those inside them that are the server's alone. */
export interface SharedHosts {
  readonly shared: readonly Span[];
  readonly own: readonly Span[];
}

/** Finds servers of nginx and sites of Caddy that serve this server and something else. */
export function sharedHosts(facts: Facts): SharedHosts {
  const nginx = appNginxPoints(facts);
  const caddy = appCaddyPoints(facts);
  const servers = facts.nginx
    .flatMap((root) => nginxServers(root))
    .filter((server) => nginx.some((point) => point.server === server))
    .filter(
      (server) =>
        facts.nginxPoints.some((point) => point.server === server && !nginx.includes(point)) || servesFiles(server),
    );
  const sites = [...new Set(caddy.map(({ site }) => site))].filter(
    (site) =>
      facts.caddyPoints.some((point) => point.site === site && !caddy.includes(point)) ||
      site.directives.some(({ name }) => name === "file_server" || name === "php_fastcgi"),
  );
  return {
    shared: [...servers.flatMap((server) => server.directive ?? []), ...sites],
    own: [
      ...nginx.flatMap(({ location, server }) => (location === server ? [] : (location.directive ?? []))),
      ...caddy.flatMap(({ proxy, around }) => [proxy, ...around.slice(-1)]),
    ],
  };
}

/** True when an edit changes what other applications of the same server or site answer. */
export function touchesOthers({ shared, own }: SharedHosts, { span, text }: Edit): boolean {
  // A new default server answers the names that another application answered as the first one.
  if (/^\s*server\s*\{/.test(text) && shared.some(({ source }) => source === span.source)) return true;
  const within = (part: Span): boolean => part.source === span.source && span.start > part.start && span.end < part.end;
  return shared.some(within) && !own.some((part) => within(part) || isSame(part, span));
}

// ---

/** An insertion right behind a one-line directive belongs to it. */
function isSame(part: Span, span: Span): boolean {
  return part.source === span.source && span.start >= part.start && span.end <= part.end;
}

function servesFiles(server: NginxScope): boolean {
  const words = /^(?:root|alias|try_files|fastcgi_pass|uwsgi_pass|scgi_pass)$/;
  return [...allScopes(server)].some(
    (scope) => scope.kind === "location" && scope.own.some(({ directive }) => words.test(directive)),
  );
}
