import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { headSpan } from "../../model/nginx.ts";
import { caddyHead, children } from "../../model/caddy.ts";
import { yamlAt, yamlKey, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { addCaddy } from "../kit/edits.ts";
import { addHeader, effectiveHeaders } from "../kit/headers.ts";
import { appRouteRules } from "../kit/kubernetes.ts";

/** Headers that carry an address and that the rendered proxies do not set. */
const ADDRESS_HEADERS = [
  "X-Client-IP",
  "True-Client-IP",
  "CF-Connecting-IP",
  "X-Cluster-Client-IP",
  "X-Original-Forwarded-For",
] as const;

/** What Caddy and a gateway do not set themselves either. */
const BESIDES = ["Forwarded", "X-Real-IP"] as const;

export const rule: Rule = {
  id: "GA-XFF-011",
  severity: "note",
  confidence: "certain",
  title: "Other headers that carry an address arrive as the client wrote them",
  why: "Where X-Forwarded-For is overwritten, a client may still send CF-Connecting-IP, True-Client-IP or X-Real-IP. Log collectors, rate limiters and middleware that look for these before X-Forwarded-For then trust what the client wrote. What no proxy in front sets, the server should not receive.",
  evidence: [
    "Address libraries read a list of such headers in a fixed order, X-Client-IP first (npm request-ip).",
    "Tried on Caddy 2.6 and 2.11: a forged Forwarded and X-Real-IP reach the upstream.",
  ],
  reads: ["nginx", "caddyfile", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    for (const point of appNginxPoints(facts)) {
      const { headers, uncertain } = effectiveHeaders(point.scope);
      // A location that loses X-Forwarded-For itself has a louder finding.
      if (uncertain || !headers.has("x-forwarded-for")) continue;
      const missing = ADDRESS_HEADERS.filter((name) => !headers.has(name.toLowerCase()));
      if (missing.length === 0) continue;
      yield {
        span: headSpan(point.pass),
        message: `the client's own ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} passed on`,
        fix: `Add ${missing.map((name) => `\`proxy_set_header ${name} "";\``).join(" ")}.`,
        edits: missing.map((name) => addHeader(point, name, '""')),
      };
    }
    for (const point of appCaddyPoints(facts)) {
      if (point.file.source.path.endsWith(".json")) continue;
      const set = new Set(
        children(point.proxy, "header_up").map((header) => (header.args[0]?.value ?? "").toLowerCase()),
      );
      // The wildcard takes all of a family.
      const missing = [...BESIDES, ...ADDRESS_HEADERS].filter(
        (name) => !set.has(`-${name.toLowerCase()}`) && !set.has(name.toLowerCase()),
      );
      if (missing.length === 0) continue;
      yield {
        span: caddyHead(point.proxy),
        message: `the client's own ${missing.join(", ")} ${missing.length === 1 ? "is" : "are"} passed on`,
        fix: `Add ${missing.map((name) => `\`header_up -${name}\``).join(" ")}.`,
        edits: missing.map((name) => addCaddy(point.proxy, `header_up -${name}`)),
      };
    }
    for (const { rule: node } of appRouteRules(facts)) {
      const filters = yamlAt(node, "filters")?.items ?? [];
      const modifier = filters.find((item) => yamlText(yamlAt(item, "type")) === "RequestHeaderModifier");
      const names = new Set(
        yamlStrings(yamlAt(modifier, "requestHeaderModifier", "remove")).map((item) => item.text.toLowerCase()),
      );
      const missing = [...BESIDES, ...ADDRESS_HEADERS].filter((name) => !names.has(name.toLowerCase()));
      if (missing.length === 0) continue;
      yield {
        span:
          yamlKey(yamlAt(modifier, "requestHeaderModifier"), "remove") ??
          yamlKey(node, "filters") ??
          yamlKey(node, "matches") ??
          node,
        message: `the gateway passes the client's own ${missing.join(", ")} on`,
        fix: `Remove ${missing.length === 1 ? "it" : "them"} with a RequestHeaderModifier filter.`,
      };
    }
  },
};
