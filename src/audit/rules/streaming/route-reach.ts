import { ALL_ROUTES, samplePath } from "../../../shared/protocol.ts";
import { arrivesAs, caddyPublicPaths, changedTooEarly } from "../../model/caddy-path.ts";
import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyHead, plainArgs, visit } from "../../model/caddy.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { passedOn, prefixOf, publicPaths } from "../../model/forwarded-path.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { arg, headSpan, ownAll } from "../../model/nginx.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import { locationFor, locationMatcher } from "../../model/nginx-points.ts";
import type { Hit, Rule } from "../../types.ts";
import { ingressPaths, routePaths } from "../kit/kubernetes-paths.ts";
import { isTakenBy } from "../kit/points.ts";

/** Every path but the front page, which a broken rewrite also gives. */
const ROUTES = ALL_ROUTES.map(samplePath).filter((path) => path !== "/");
/** The routes that people call. */
const SAMPLES = ["/v1/ws", "/v1/transcribe"];
const SAMPLE = "/v1/ws";

export const rule: Rule = {
  id: "GA-STR-018",
  severity: "error",
  confidence: "certain",
  title: "Requests reach the server under a path that it does not serve, or do not reach it",
  why: "The server knows only its own paths. Below a sub-path the proxy must remove the prefix, with exactly one slash: `/stt/v1/ws` and `//v1/ws` are 404. A fallback of a web page (`try_files … /index.html`) that takes /v1/ws answers the upgrade with HTML.",
  evidence: [
    "huashengdun/webssh#16",
    "strukturag/nextcloud-spreed-signaling#97",
    "nginx documentation, proxy_pass: with a variable its URI replaces the client's; `rewrite … break` keeps the rewritten one.",
    "Caddy documentation, directive order: try_files runs before handle and reverse_proxy.",
    "ingress-nginx documentation, rewrite-target: without a capture group every request becomes the target.",
  ],
  reads: ["nginx", "caddyfile", "kubernetes", "haproxy", "apache", "traefik", "compose"],
  fixKind: "manual",
  *check(facts) {
    yield* nginx(facts);
    yield* caddy(facts);
    for (const { span, asked, seen, fix } of [
      ...ingressPaths(facts, SAMPLE, ROUTES),
      ...routePaths(facts, SAMPLE, ROUTES),
      ...facts.fronts.flatMap((front) => front.paths),
    ])
      if (!ROUTES.includes(seen)) yield { span, message: arrives(asked, seen), fix };
  },
};

function* nginx(facts: Facts): Generator<Hit> {
  const points = appNginxPoints(facts);
  for (const point of points) {
    if (point.scope.missing.length > 0 || point.modifier === "@") continue;
    const lost = lostPath(point);
    if (lost === undefined) continue;
    const prefix = prefixOf(point);
    yield {
      span: headSpan(point.pass),
      message: arrives(lost.asked, lost.seen),
      fix:
        prefix === "" || ROUTES.some((route) => route.startsWith(`${prefix}/`))
          ? "Write `proxy_pass http://HOST:PORT;` without a path: the request's own path is passed on."
          : `Write \`location ${prefix}/ { proxy_pass http://HOST:PORT/; }\`, with a slash at the end of both.`,
    };
  }
  for (const server of new Set(points.map((point) => point.server))) {
    if (!server) continue;
    const ours = points.filter((point) => point.server === server);
    // Below a sub-path the web page may have the root.
    if (ours.some((point) => prefixOf(point) !== "" && !ROUTES.some((route) => route.startsWith(prefixOf(point)))))
      continue;
    const hit = SAMPLES.map((path) => swallowed(server, ours, path)).find((found) => found !== undefined);
    if (hit) yield hit;
  }
}

/** A path of the server that arrives as another one. */
function lostPath(point: NginxPoint): { readonly asked: string; readonly seen: string } | undefined {
  const taken = SAMPLES.filter(
    (path) => passedOn(point, path) !== undefined && point.server && locationFor(point.server, path) === point.location,
  );
  const prefix = prefixOf(point);
  if (taken.length === 0 && (prefix === "" || ROUTES.some((route) => publicPaths(point, route).length > 0)))
    return undefined;
  for (const asked of taken.length > 0 ? taken : [prefix + SAMPLE]) {
    const seen = passedOn(point, asked);
    if (seen !== undefined && !ROUTES.includes(seen)) return { asked, seen };
  }
  return undefined;
}

/** A location that answers a path of the server with something else. */
function swallowed(server: NginxScope, ours: readonly NginxPoint[], path: string): Hit | undefined {
  const location = locationFor(server, path);
  if (!location || ownAll(location, "return").length > 0) return undefined;
  const pass = arg(ours[0]?.pass, 0);
  const fallback = ownAll(location, "try_files").at(-1);
  const last = fallback?.args.at(-1)?.value ?? "";
  if (fallback && isPage(last) && ownAll(location, "proxy_pass").length === 0)
    return {
      span: headSpan(fallback),
      message: `${path} is answered with ${last}: no location passes it to the server`,
      fix: `Add \`location /v1/ { proxy_pass ${pass}; }\` with the settings of a WebSocket.`,
    };
  const meant = ours.find((point) => point.path.startsWith("/v1") && path.startsWith(point.path));
  if (
    !meant ||
    !locationMatcher(location).modifier.startsWith("~") ||
    ours.some((point) => point.location === location)
  )
    return undefined;
  return {
    span: headSpan(location.directive ?? meant.pass),
    message: `${path} is taken by this regular expression, which comes before \`location ${meant.path}\`: the server never sees it`,
    fix: `Write \`location ^~ ${meant.path}\`: regular expressions are then not tried.`,
    related: [{ span: headSpan(meant.pass), message: "this pass is meant" }],
  };
}

function* caddy(facts: Facts): Generator<Hit> {
  const points = appCaddyPoints(facts).filter((point) => !point.file.source.path.endsWith(".json"));
  for (const point of points) {
    const prefix = point.paths.map((pattern) => /^((?:\/[\w.~-]+)+)\/?\*$/.exec(pattern)?.[1]).find(Boolean) ?? "";
    const meant = SAMPLES.filter((path) => isTakenBy(point, path));
    const reached = meant.length === 0 && ROUTES.some((route) => caddyPublicPaths(point, route).length > 0);
    const hit = (reached ? [] : meant.length > 0 ? meant : [prefix + SAMPLE])
      .map((asked) => caddyLost(point, asked, prefix))
      .find((found) => found !== undefined);
    if (hit) yield hit;
  }
  for (const site of new Set(points.map((point) => point.site))) {
    const hit = caddyFallback(points.filter((point) => point.site === site));
    if (hit) yield hit;
  }
}

/** What becomes of a path of the server on its way through Caddy, when it is not the right one. */
function caddyLost(point: CaddyPoint, asked: string, prefix: string): Hit | undefined {
  const fix = `Write \`handle_path ${prefix || "/stt"}/* { reverse_proxy … }\`: handle_path removes the prefix and nothing else.`;
  const early = changedTooEarly(point, asked);
  const seen = arrivesAs(point, asked);
  const page =
    seen !== undefined && isPage(seen) ? point.site.directives.find(({ name }) => name === "try_files") : undefined;
  const by = early?.by ?? page;
  if (by)
    return {
      span: caddyHead(by),
      message: `${by.name} runs before reverse_proxy and turns ${asked} into ${early?.to ?? seen}: the server never sees it`,
      fix: isPage(early?.to ?? seen ?? "")
        ? "Put try_files and file_server into a `handle { … }` of their own, and reverse_proxy into `handle /v1/* { … }`."
        : fix,
      related: [{ span: caddyHead(point.proxy), message: "this proxy is meant" }],
    };
  return seen === undefined || ROUTES.includes(seen)
    ? undefined
    : { span: caddyHead(point.proxy), message: arrives(asked, seen), fix };
}

/** A `handle` with the fallback of a web page that takes a path of the server. */
function caddyFallback(ours: readonly CaddyPoint[]): Hit | undefined {
  const site = ours[0]?.site;
  // Below a sub-path the web page may have the root.
  if (!site || !ours.every((point) => point.paths.some((pattern) => pattern.startsWith("/v1")))) return undefined;
  const path = SAMPLES.find((sample) => !ours.some((point) => isTakenBy(point, sample)));
  if (path === undefined) return undefined;
  let hit: Hit | undefined;
  visit(site.directives, [], (directive, around) => {
    const last = directive.name === "try_files" ? (plainArgs(directive).at(-1)?.value ?? "") : "";
    if (!isPage(last) || around.some(({ args }) => args.length > 0)) return;
    hit = {
      span: caddyHead(directive),
      message: `${path} is answered with ${last}: no block passes it to the server`,
      fix: "Write `handle /v1/* { reverse_proxy … }`.",
    };
  });
  return hit;
}

function arrives(asked: string, seen: string): string {
  return asked === seen
    ? `${asked} arrives at the server with its prefix, which it answers with 404`
    : `${asked} arrives at the server as ${seen}, which it answers with 404`;
}

/** The page that a web app answers every unknown path with. */
function isPage(target: string): boolean {
  return target === "/" || /\.(?:html?|php)(?:\?.*)?$/.test(target);
}
