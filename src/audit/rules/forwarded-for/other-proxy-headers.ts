import type { Rule } from "../../types.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { headSpan } from "../../model/nginx.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { addHeader, effectiveHeaders } from "../kit/headers.ts";

const WANTED = [
  ["Host", "$host"],
  ["X-Real-IP", "$remote_addr"],
  ["X-Forwarded-Proto", "$scheme"],
  ["Forwarded", '""'],
] as const;

export const rule: Rule = {
  id: "GA-XFF-003",
  severity: "warning",
  confidence: "certain",
  title: "A proxied location leaves Host, X-Real-IP, X-Forwarded-Proto or Forwarded to the client or loses them",
  why: "Address headers that the proxy does not set arrive as the client wrote them, and Host becomes the upstream's name, so origin checks and redirects go wrong. A list of an outer level does not reach a location that has one of its own.",
  evidence: ["Tried on nginx 1.22 and 1.30: Host arrives as `127.0.0.1:19876` and a forged X-Real-IP passes."],
  reads: ["nginx"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appNginxPoints(facts));
    for (const point of facts.nginxPoints) {
      const { headers, level, uncertain } = effectiveHeaders(point.scope);
      if (uncertain) continue;
      const above = namesAbove(level?.parent);
      const missing = WANTED.filter(
        ([name]) => !headers.has(name.toLowerCase()) && (ours.has(point) || above.has(name.toLowerCase())),
      );
      if (missing.length === 0) continue;
      yield {
        span: headSpan(point.pass),
        message: `the headers in force here lack ${missing.map(([name]) => name).join(", ")}${missing.some(([name]) => above.has(name.toLowerCase())) ? ": they are set on an outer level, which this location's own list replaces" : ""}`,
        fix: `Add ${missing.map(([name, value]) => `\`proxy_set_header ${name} ${value};\``).join(" ")}.`,
        edits: missing.map(([name, value]) => addHeader(point, name, value)),
        // Beside an X-Forwarded-For that the proxy sets the server reads neither of these two.
        ...(headers.has("x-forwarded-for") && missing.every(([name]) => name === "Forwarded" || name === "X-Real-IP")
          ? { severity: "note" as const }
          : {}),
      };
    }
  },
};

function namesAbove(scope: NginxScope | undefined): ReadonlySet<string> {
  const names = new Set<string>();
  for (let at = scope; at; at = at.parent) {
    for (const directive of at.own)
      if (directive.directive === "proxy_set_header") names.add((directive.args[0]?.value ?? "").toLowerCase());
  }
  return names;
}
