import type { Rule } from "../../types.ts";
import { arg, headSpan, nginxTimeMs } from "../../model/nginx.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { addCaddy, addNginx, replace } from "../kit/edits.ts";
import { seconds } from "../kit/wording.ts";
import { caddyHead, child, goDurationMs } from "../../model/caddy.ts";

export const rule: Rule = {
  id: "GA-STR-012",
  severity: "warning",
  confidence: "certain",
  title: "The proxy keeps connections longer than the server",
  why: "If the server closes an idle connection first, the proxy may just then send the next request on it and answer 502. The proxy's idle time must be the shorter one; Caddy's default is 2 minutes.",
  evidence: ["Caddy documentation, transport http keepalive: 502 when it exceeds the upstream's."],
  reads: ["nginx", "caddyfile", "caddy-json", "config"],
  fixKind: "safe",
  *check(facts) {
    const server = facts.assume.number("server.keepAliveTimeout");
    const related = facts.assume.related("server.keepAliveTimeout");
    const seen = new Set<unknown>();
    for (const point of appNginxPoints(facts)) {
      const upstream = point.upstream;
      const keepalive = upstream?.own.find((directive) => directive.directive === "keepalive");
      if (!upstream || !keepalive || seen.has(upstream)) continue;
      seen.add(upstream);
      const directive = upstream.own.find((item) => item.directive === "keepalive_timeout");
      const ms = directive ? nginxTimeMs(arg(directive, 0)) : 60_000;
      if (ms === undefined || ms < server) continue;
      const value = directive?.args[0];
      yield {
        span: headSpan(directive ?? keepalive),
        message: `the upstream keeps idle connections ${seconds(ms)}, the server only ${seconds(server)}: a request may meet a closing connection`,
        fix: "Write `keepalive_timeout 30s;` in the upstream.",
        edits: [value ? replace(value, "30s") : addNginx(keepalive, "keepalive_timeout 30s;")],
        related,
      };
    }
    for (const point of appCaddyPoints(facts)) {
      const transport = child(point.proxy, "transport");
      const keepalive = child(transport, "keepalive");
      const text = keepalive?.args[0]?.value;
      const ms = text === "off" ? 0 : text === undefined ? 120_000 : goDurationMs(text);
      if (ms === undefined || ms < server) continue;
      const value = keepalive?.args[0];
      const json = point.file.source.path.endsWith(".json");
      yield {
        span: caddyHead(keepalive ?? point.proxy),
        message: `Caddy keeps idle connections ${keepalive ? seconds(ms) : "2 minutes (default)"}, the server only ${seconds(server)}: a request may meet a closing connection`,
        fix: "Write `transport http { keepalive 30s }` in the reverse_proxy.",
        edits: json
          ? []
          : value
            ? [replace(value, "30s")]
            : [
                transport
                  ? addCaddy(transport, "keepalive 30s")
                  : addCaddy(point.proxy, "transport http {\n\t\t\tkeepalive 30s\n\t\t}"),
              ],
        related,
      };
    }
  },
};
