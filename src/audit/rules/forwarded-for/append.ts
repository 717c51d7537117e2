import type { Rule } from "../../types.ts";
import { arg, headSpan, allScopes, ownAll } from "../../model/nginx.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { baseName } from "../../tree.ts";
import { replace } from "../kit/edits.ts";
import { frontHits } from "../kit/fronts.ts";
import { effectiveHeaders } from "../kit/headers.ts";
import { isInnerNginx } from "../kit/inner-proxy.ts";

export const rule: Rule = {
  id: "GA-XFF-001",
  severity: "error",
  confidence: "certain",
  title: "The proxy keeps the client's own X-Forwarded-For instead of overwriting it",
  why: "The client may send an X-Forwarded-For of its own. With nginx's $proxy_add_x_forwarded_for, HAProxy's option forwardfor, Apache's mod_proxy, or a Traefik that trusts every peer, the server sees `6.6.6.6, 127.0.0.1`: the first address is the one that the client invented, so it controls per-address limits and logs.",
  evidence: ["Tried on nginx 1.22 and 1.30, HAProxy 2.6 and Traefik 3.6: a forged header arrives as the first hop."],
  reads: ["nginx", "haproxy", "apache", "traefik", "compose"],
  fixKind: "safe",
  *check(facts) {
    yield* frontHits(facts, "keepsAddress", () => "every client chooses the address that limits and logs see");
    const ours = appNginxPoints(facts);
    for (const root of facts.nginx) {
      for (const scope of allScopes(root.main)) {
        for (const directive of ownAll(scope, "proxy_set_header")) {
          const value = arg(directive, 1);
          const variable = ["$proxy_add_x_forwarded_for", "$http_x_forwarded_for"].find(
            (name) => value.includes(name) || value.includes(name.replace("$", "${")),
          );
          if (arg(directive, 0).toLowerCase() !== "x-forwarded-for" || variable === undefined) continue;
          const users = facts.nginxPoints.filter((point) =>
            [...effectiveHeaders(point.scope).headers.values()].some((header) => header.directive === directive),
          );
          if (users.length > 0 && users.every((point) => isInnerNginx(facts, point))) continue;
          const other = ours.length > 0 && users.length > 0 && !users.some((point) => ours.includes(point));
          const target = directive.args[1];
          yield {
            span: headSpan(directive),
            message: `X-Forwarded-For is set from ${variable}, which keeps what the client sent`,
            fix: "Write `proxy_set_header X-Forwarded-For $remote_addr;` (behind a declared CDN: set_real_ip_from makes $remote_addr the client).",
            ...(target ? { edits: [replace(target, "$remote_addr")] } : {}),
            ...(other ? { severity: "note" as const, confidence: "needs-context" as const } : {}),
          };
        }
        for (const include of scope.missing) {
          if (baseName(arg(include, 0)) !== "proxy_params") continue;
          yield {
            span: headSpan(include),
            message:
              "Debian's proxy_params sets X-Forwarded-For from $proxy_add_x_forwarded_for, which keeps what the client sent",
            fix: "Write the proxy_set_header lines yourself, with `X-Forwarded-For $remote_addr`.",
            confidence: "likely",
          };
        }
      }
    }
  },
};
