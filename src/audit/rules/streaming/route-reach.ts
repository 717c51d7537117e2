import { pathsOf } from "../../../shared/protocol.ts";
import { caddyHead, plainArgs } from "../../model/caddy.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { passedOn, prefixOf, publicPaths, strippedPrefix } from "../../model/forwarded-path.ts";
import { arg, headSpan, ownAll } from "../../model/nginx.ts";
import { locationFor } from "../../model/nginx-points.ts";
import type { Hit, Rule } from "../../types.ts";
import { caddyPointFor } from "../kit/points.ts";

const ROUTES = [
  ...pathsOf("websocket"),
  ...pathsOf("rest"),
  ...pathsOf("sse"),
  ...pathsOf("probe"),
  ...pathsOf("status"),
  ...pathsOf("metrics"),
];
/** The routes that people call; one of them is shown. */
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
    "Caddy documentation, directive order: try_files runs before handle and reverse_proxy.",
  ],
  reads: ["nginx", "caddyfile"],
  fixKind: "manual",
  *check(facts) {
    yield* nginx(facts);
    yield* caddy(facts);
  },
};

function* nginx(facts: Facts): Generator<Hit> {
  const points = appNginxPoints(facts);
  for (const point of points) {
    const prefix = prefixOf(point);
    if (prefix === "" || point.scope.missing.length > 0 || ROUTES.some((route) => publicPaths(point, route).length > 0))
      continue;
    const seen = passedOn(point, prefix + SAMPLE);
    if (seen === undefined) continue;
    yield {
      span: headSpan(point.pass),
      message: `${prefix}${SAMPLE} arrives at the server as ${seen}, which it answers with 404`,
      fix: `Write \`location ${prefix}/ { proxy_pass http://HOST:PORT/; }\`, with a slash at the end of both.`,
    };
  }
  for (const server of new Set(points.map((point) => point.server))) {
    if (
      !server ||
      points.some(
        (point) =>
          point.server === server &&
          prefixOf(point) !== "" &&
          !ROUTES.some((route) => route.startsWith(prefixOf(point))),
      )
    )
      continue;
    const location = locationFor(server, SAMPLE);
    const fallback = location ? ownAll(location, "try_files").at(-1) : undefined;
    const last = fallback?.args.at(-1)?.value ?? "";
    if (!location || !fallback || !/\.html?$/.test(last) || ownAll(location, "proxy_pass").length > 0) continue;
    yield {
      span: headSpan(fallback),
      message: `${SAMPLE} is answered with ${last}: no location passes it to the server`,
      fix: `Add \`location /v1/ { proxy_pass ${arg(points.find((point) => point.server === server)?.pass, 0)}; }\` with the settings of a WebSocket.`,
    };
  }
}

function* caddy(facts: Facts): Generator<Hit> {
  for (const point of appCaddyPoints(facts)) {
    if (point.file.source.path.endsWith(".json")) continue;
    const first = point.site.directives.find(({ name }) => name === "try_files");
    const last = first ? plainArgs(first).at(-1)?.value : undefined;
    if (first && plainArgs(first).length === first.args.length && /\.html?$/.test(last ?? "")) {
      if (point.around.some(({ name }) => name === "route")) continue;
      yield {
        span: caddyHead(first),
        message: `try_files runs before reverse_proxy and turns ${SAMPLE} into ${last}: the server never sees it`,
        fix: "Put try_files and file_server into a `handle { … }` of their own, and reverse_proxy into `handle /v1/* { … }`.",
        related: [{ span: caddyHead(point.proxy), message: "this proxy is meant" }],
      };
      continue;
    }
    const stripped = strippedPrefix(point);
    const pattern = point.paths[0];
    if (stripped === undefined || pattern === undefined || ROUTES.some((route) => caddyPointFor(point, route)))
      continue;
    // A more specific block may take every route; here the patterns alone decide.
    const prefix = /^((?:\/[\w.-]+)+)\/?\*$/.exec(pattern)?.[1];
    if (prefix === undefined || stripped !== "") continue;
    yield {
      span: caddyHead(point.proxy),
      message: `${prefix}${SAMPLE} arrives at the server with its prefix, and is answered with 404`,
      fix: `Write \`handle_path ${prefix}/* { reverse_proxy … }\`: handle_path removes the prefix.`,
    };
  }
}
