import type { Rule } from "../../types.ts";
import type { Edit } from "../../parts.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { allScopes, arg, closest, headSpan, inherited } from "../../model/nginx.ts";
import { addNginx } from "../kit/edits.ts";
import { addHeader, effectiveHeaders } from "../kit/headers.ts";
import { frontHits } from "../kit/fronts.ts";
import { asksByHttp10, nginxCarrying } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-STR-001",
  severity: "error",
  confidence: "certain",
  title: "The WebSocket location does not pass the upgrade on",
  why: "Upgrade and Connection are hop-by-hop: nginx drops them unless they are set again, and before 1.29.7 it speaks HTTP/1.0 to the upstream by default. The handshake then arrives as a plain GET and every live session fails.",
  evidence: [
    "nginx documentation, WebSocket proxying.",
    "Apache documentation, mod_proxy_http: Protocol Upgrade.",
    "nginx CHANGES 1.29.7: proxy_http_version defaults to 1.1.",
  ],
  reads: ["nginx", "apache"],
  fixKind: "safe",
  *check(facts) {
    yield* frontHits(facts, "refusesUpgrade", () => "every live session fails");
    const ours = nginxCarrying(facts, "websocket");
    const named = facts.nginxPoints.filter((point) =>
      /(?:^|\/)(?:ws|wss|websocket|socket\.io)(?:\/|$)/.test(point.path),
    );
    for (const point of new Set([...ours, ...named])) {
      const { headers, uncertain } = effectiveHeaders(point.scope);
      if (uncertain) continue;
      const missing: string[] = [];
      const edits: Edit[] = [];
      if (!headers.get("upgrade")?.value.includes("$http_upgrade")) {
        missing.push("`proxy_set_header Upgrade $http_upgrade`");
        edits.push(addHeader(point, "Upgrade", "$http_upgrade"));
      }
      if (
        !headers.has("connection") ||
        headers.get("connection")?.value === "" ||
        headers.get("connection")?.value === "close"
      ) {
        missing.push("`proxy_set_header Connection` with the mapped value");
        const map = connectionMap(point);
        edits.push(...map.edits, addHeader(point, "Connection", map.variable));
      }
      const variable = headers.get("connection")?.value ?? "";
      const map = mapOf(point, variable);
      if (variable.startsWith("$") && variable !== "$http_connection" && map !== "unknown") {
        // A map whose default is not `upgrade` answers '' for every handshake.
        const entry = map?.own.find((item) => item.directive === "default" || item.directive === "websocket");
        if (!map) missing.push(`a map that gives ${variable} its value`);
        else if (arg(entry, 0).toLowerCase() !== "upgrade")
          missing.push(`\`default upgrade;\` in the map of ${variable}`);
      }
      const version = inherited(point.scope, "proxy_http_version");
      if (asksByHttp10(facts, point)) {
        missing.push("`proxy_http_version 1.1`");
        edits.push(
          version?.args[0] ? { span: version.args[0], text: "1.1" } : addNginx(point.pass, "proxy_http_version 1.1;"),
        );
      }
      if (missing.length === 0) continue;
      // One thing that is there and wrong is its own place; what is missing belongs to the pass.
      const about = missing[0] ?? "";
      const wrong = about.includes("proxy_http_version")
        ? version
        : about.includes("Connection")
          ? headers.get("connection")?.directive
          : undefined;
      yield {
        span: headSpan((missing.length === 1 ? wrong : undefined) ?? point.pass),
        message: `WebSocket connections through this location fail: ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} missing`,
        fix: `Add ${missing.join(", ")}; map: \`map $http_upgrade $connection_upgrade { default upgrade; '' ''; }\`.`,
        edits,
      };
    }
  },
};

/** The map behind a variable; undefined when the whole tree has none, "unknown" when part of it was not read or `set` gives the value. */
function mapOf(point: NginxPoint, variable: string): NginxScope | undefined | "unknown" {
  for (const scope of allScopes(point.root.main)) {
    if (scope.kind === "map" && arg(scope.directive, 1) === variable) return scope;
    if (scope.missing.length > 0 || scope.own.some((item) => item.directive === "set" && arg(item, 0) === variable))
      return "unknown";
  }
  return point.root.complete ? undefined : "unknown";
}

/** The variable that carries the mapped Connection value, and the edit that creates the map when the tree has none. */
function connectionMap(point: NginxPoint): { variable: string; edits: Edit[] } {
  for (const scope of allScopes(point.root.main)) {
    if (scope.kind === "map" && arg(scope.directive, 0) === "$http_upgrade")
      return { variable: arg(scope.directive, 1), edits: [] };
  }
  const beside = point.server?.directive;
  const inHttp = point.server && (closest(point.server, "http") || point.root.main.kind === "http");
  if (!beside || !inHttp) return { variable: "$http_connection", edits: [] };
  return {
    variable: "$gigastt_connection",
    edits: [addNginx(beside, "map $http_upgrade $gigastt_connection { default upgrade; '' ''; }")],
  };
}
