import type { Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { arg, headSpan, inherited } from "../../model/nginx.ts";
import { caddyHead, children } from "../../model/caddy.ts";
import { caddyAuth } from "./auth.ts";
import { addCaddy } from "../kit/edits.ts";
import { addHeader, effectiveHeaders } from "../kit/headers.ts";

export const rule: Rule = {
  id: "GA-EXP-007",
  severity: "warning",
  confidence: "certain",
  title: "The password travels on to the server",
  why: "The proxy has checked the Basic credentials; the server does not need them. Passed on they can end up in its logs, traces and crash dumps.",
  evidence: ["Least exposure: the reference rendering removes the header."],
  reads: ["nginx", "caddyfile"],
  fixKind: "safe",
  *check(facts) {
    for (const point of appNginxPoints(facts)) {
      const basic = inherited(point.scope, "auth_basic");
      const { headers, uncertain } = effectiveHeaders(point.scope);
      if (!basic || arg(basic, 0) === "off" || uncertain || headers.has("authorization")) continue;
      yield {
        span: headSpan(point.pass),
        message: "the client's Authorization header, with the password nginx checked, is passed on",
        fix: 'Write `proxy_set_header Authorization "";`.',
        edits: [addHeader(point, "Authorization", '""')],
        related: [{ span: headSpan(basic), message: "the password is checked here" }],
      };
    }
    for (const point of appCaddyPoints(facts)) {
      const path = point.paths[0]?.replace(/\*$/, "") ?? "/v1/transcribe";
      const basic = [...point.site.directives, ...point.around.flatMap((block) => block.block ?? [])].find(
        (directive) => /^basic_?auth$/.test(directive.name),
      );
      if (!basic || !caddyAuth(point, path)) continue;
      if (
        children(point.proxy, "header_up").some((header) => /^[-+]?authorization$/i.test(header.args[0]?.value ?? ""))
      )
        continue;
      yield {
        span: caddyHead(point.proxy),
        message: "the client's Authorization header, with the password Caddy checked, is passed on",
        fix: "Write `header_up -Authorization`.",
        ...(point.file.source.path.endsWith(".json")
          ? {}
          : { edits: [addCaddy(point.proxy, "header_up -Authorization")] }),
        related: [{ span: caddyHead(basic), message: "the password is checked here" }],
      };
    }
  },
};
