import type { Rule } from "../../types.ts";
import { allScopes, arg, headSpan, inherited, ownAll } from "../../model/nginx.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { caddyHead, child } from "../../model/caddy.ts";
import { isEveryone } from "../../model/address.ts";
import { removeLines } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-XFF-006",
  severity: "error",
  confidence: "certain",
  title: "Any client can set its own address, or a declared CDN is not trusted",
  why: "set_real_ip_from 0.0.0.0/0 lets any client choose the address nginx itself logs and limits by. The other way round, behind a CDN without it every visitor shares the CDN's few addresses and one rate limit.",
  evidence: ["nginx documentation, ngx_http_realip_module."],
  reads: ["nginx", "caddyfile", "config"],
  fixKind: "unsafe",
  *check(facts) {
    for (const root of facts.nginx) {
      for (const scope of allScopes(root.main)) {
        for (const directive of ownAll(scope, "set_real_ip_from")) {
          if (!isEveryone(arg(directive, 0))) continue;
          yield {
            span: headSpan(directive),
            message: `set_real_ip_from ${arg(directive, 0)} trusts the address header of every client`,
            fix: "List only the addresses of the CDN or load balancer in front of nginx; without one remove the directive.",
            edits: [removeLines(directive)],
          };
        }
      }
    }
    if (facts.assume.list("deploy.cdnCidrs").length === 0) return;
    const told = new Set<unknown>();
    for (const point of appNginxPoints(facts)) {
      const trusted = inherited(point.scope, "set_real_ip_from");
      const header = inherited(point.scope, "real_ip_header");
      if (trusted && !told.has(trusted) && (!header || /^X-Real-IP$/i.test(arg(header, 0)))) {
        told.add(trusted);
        yield {
          span: headSpan(header ?? trusted),
          message: "the address is read from X-Real-IP (nginx's default), which a CDN relays as the client wrote it",
          fix: "Write `real_ip_header X-Forwarded-For;` (or the CDN's own header).",
          related: facts.assume.related("deploy.cdnCidrs"),
          confidence: "likely",
        };
      }
      if (trusted) continue;
      yield {
        span: headSpan(point.pass),
        message:
          "the config declares a CDN in front, but no set_real_ip_from is in force here: all visitors share the CDN's addresses",
        fix: "Add `set_real_ip_from` for each declared range and `real_ip_header X-Forwarded-For; real_ip_recursive on;`.",
        related: facts.assume.related("deploy.cdnCidrs"),
        confidence: "likely",
      };
    }
    for (const point of appCaddyPoints(facts)) {
      const servers = point.file.options.filter((option) => option.name === "servers");
      if (child(point.proxy, "trusted_proxies") || servers.some((option) => child(option, "trusted_proxies"))) continue;
      yield {
        span: caddyHead(point.proxy),
        message:
          "the config declares a CDN in front, but Caddy trusts no proxy: all visitors share the CDN's addresses",
        fix: "Add the global option `servers { trusted_proxies static RANGES… }` with `trusted_proxies_strict`.",
        related: facts.assume.related("deploy.cdnCidrs"),
      };
    }
  },
};
