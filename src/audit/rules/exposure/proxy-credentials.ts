import type { Rule } from "../../types.ts";
import { headSpan } from "../../model/nginx.ts";
import { caddyHead, children } from "../../model/caddy.ts";
import { caddyAuth, nginxAuth, nginxDenied } from "./auth.ts";
import { effectiveHeaders } from "../kit/headers.ts";

export const rule: Rule = {
  id: "GA-EXP-006",
  severity: "error",
  confidence: "certain",
  title: "The proxy adds its own credentials to every request",
  why: "A location that adds an Authorization header on the way in, without asking for credentials itself, gives every visitor the operator's rights on the protected service.",
  evidence: ["Seen in a published hardening guide: an admin interface behind an injected `Basic` header."],
  reads: ["nginx", "caddyfile"],
  fixKind: "manual",
  *check(facts) {
    for (const point of facts.nginxPoints) {
      const header = effectiveHeaders(point.scope).headers.get("authorization");
      if (
        !header ||
        header.value === "" ||
        /^\$http_authorization$/.test(header.value) ||
        nginxAuth(point.scope) ||
        nginxDenied(point.scope)
      )
        continue;
      yield {
        span: headSpan(header.directive),
        message: "an Authorization header is added to every request, but this location asks for no credentials",
        fix: "Ask for credentials here (auth_basic, auth_request or allow/deny), or drop the header.",
        related: [{ span: headSpan(point.pass), message: "passed on without a password" }],
      };
    }
    for (const point of facts.caddyPoints) {
      for (const header of children(point.proxy, "header_up")) {
        if (
          !/^\+?authorization$/i.test(header.args[0]?.value ?? "") ||
          caddyAuth(point, point.paths[0]?.replace(/\*$/, "") ?? "/")
        )
          continue;
        if (
          header.args.length < 2 ||
          /^\{(?:header\.Authorization|http\.request\.header\.Authorization)\}$/i.test(header.args[1]?.value ?? "")
        )
          continue;
        yield {
          span: caddyHead(header),
          message: "an Authorization header is added to every request, but this site asks for no credentials",
          fix: "Add basic_auth or forward_auth in front, or drop the header.",
        };
      }
    }
  },
};
