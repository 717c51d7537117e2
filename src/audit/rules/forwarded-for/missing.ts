import type { Rule } from "../../types.ts";
import { headSpan } from "../../model/nginx.ts";
import { addHeader, effectiveHeaders } from "../kit/headers.ts";
import { isInnerNginx } from "../kit/inner-proxy.ts";
import { isOurs } from "../kit/points.ts";

export const rule: Rule = {
  id: "GA-XFF-002",
  severity: "error",
  confidence: "certain",
  title: "A proxied location does not set X-Forwarded-For",
  why: "nginx passes request headers through by default: without a proxy_set_header for it, a forged X-Forwarded-For reaches the server unchanged. Header lists are inherited all or nothing, so one proxy_set_header in a location silently drops every one of the levels above; `nginx -t` says nothing.",
  evidence: [
    "Tried on nginx 1.22 and 1.30: server-level X-Forwarded-For plus a location with only Upgrade/Connection lets `6.6.6.6` through and Host becomes the upstream's name.",
  ],
  reads: ["nginx"],
  fixKind: "safe",
  *check(facts) {
    for (const point of facts.nginxPoints) {
      const { headers, level, uncertain } = effectiveHeaders(point.scope);
      if (uncertain || headers.has("x-forwarded-for") || isInnerNginx(facts, point)) continue;
      const lost = lostAbove(point.scope.parent, level);
      const own =
        level === point.scope ? level.own.find((directive) => directive.directive === "proxy_set_header") : undefined;
      const ours = isOurs(facts, point);
      yield {
        span: headSpan(point.pass),
        message: lost
          ? "X-Forwarded-For is set on a level above, but the proxy_set_header of this location drops that whole list: the client's own header passes"
          : "no X-Forwarded-For is set here: the client's own header passes unchanged",
        fix: "Set all forwarding headers in this location, best by one include file repeated in every location: `proxy_set_header X-Forwarded-For $remote_addr;`.",
        edits: [addHeader(point, "X-Forwarded-For", "$remote_addr")],
        related: [
          ...(lost ? [{ span: headSpan(lost), message: "the header that is lost" }] : []),
          ...(lost && own ? [{ span: headSpan(own), message: "this list replaces it" }] : []),
        ],
        ...(ours ? {} : { severity: "note" as const, confidence: "needs-context" as const }),
      };
    }
  },
};

type Scope = Parameters<typeof effectiveHeaders>[0];

/** The X-Forwarded-For of a level above the one whose list is in force. */
function lostAbove(scope: Scope | undefined, level: Scope | undefined): ReturnType<typeof find> {
  if (!level) return undefined;
  for (let at = level.parent ?? scope; at; at = at.parent) {
    const found = at === level ? undefined : find(at);
    if (found) return found;
  }
  return undefined;
}

function find(scope: Scope): Scope["own"][number] | undefined {
  return scope.own.find(
    (directive) =>
      directive.directive === "proxy_set_header" && directive.args[0]?.value.toLowerCase() === "x-forwarded-for",
  );
}
