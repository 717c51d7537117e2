import type { Rule } from "../types.ts";
import type { Facts } from "../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../model/facts.ts";
import { arg, ownAll } from "../model/nginx.ts";
import { isIpLiteral, isLoopbackHost, parseAddress } from "../model/address.ts";
import { environment } from "./compose-kit.ts";
import { appServices } from "../model/facts.ts";
import type { Span } from "../source.ts";

export const rule: Rule = {
  id: "GA-EXP-009",
  severity: "error",
  confidence: "likely",
  title: "Browsers are refused: the public origin is not allowed",
  why: "A page on https://stt.example.com sends that origin with every WebSocket and POST, also through the proxy. The server allows loopback origins only, unless told otherwise: the user gets 403 origin_denied. An http:// origin in the list lets anybody on the way use the service.",
  evidence: ["NousResearch/hermes-agent#68251", "tiny-pilot/tinypilot#1365"],
  reads: ["config", "nginx", "caddyfile", "compose"],
  fixKind: "manual",
  *check(facts) {
    const { assume } = facts;
    if (assume.flag("server.corsAllowAny")) return;
    const allowed = new Set(allowedOrigins(facts));
    const list = assume.span("server.allowedOrigins");
    for (const origin of assume.list("server.allowedOrigins")) {
      const url = parseAddress(origin);
      if (url.scheme === "http" && !isLoopbackHost(url.host) && !isIpLiteral(url.host) && list) {
        yield {
          span: list,
          message: `server.allowedOrigins contains ${origin}: pages sent without TLS can be replaced on the way`,
          fix: "Use the https:// origin.",
        };
      }
    }
    if (allowed.has("*")) return;
    for (const { origin, span } of publicOrigins(facts)) {
      // The config knows its own name, and behind a published port also the port browsers see.
      if (allowed.has(origin) || parseAddress(origin).host === assume.text("deploy.domain")?.toLowerCase()) continue;
      yield {
        span,
        message: `pages on ${origin} are refused with 403: the origin is not in server.allowedOrigins${list ? "" : " (which is not set)"}`,
        fix: `Add "${origin}" to server.allowedOrigins (or set deploy.domain, which adds it).`,
        related: assume.related("server.allowedOrigins"),
        ...(assume.hasConfig ? { confidence: "certain" as const } : {}),
      };
    }
  },
};

function allowedOrigins(facts: Facts): string[] {
  const { assume } = facts;
  const domain = assume.text("deploy.domain");
  const port = assume.number("deploy.httpsPort");
  const out = [...assume.list("server.allowedOrigins")];
  if (domain !== undefined) out.push(`https://${domain}${port === 443 ? "" : `:${port}`}`, `http://${domain}`);
  for (const service of appServices(facts)) {
    for (const entry of environment(service))
      if (/ALLOW(?:ED)?_ORIGINS?$/.test(entry.name)) out.push(...(entry.value ?? "").split(/[,\s]+/));
  }
  return out.map((origin) => origin.replace(/\/$/, "").toLowerCase());
}

function publicOrigins(facts: Facts): readonly { readonly origin: string; readonly span: Span }[] {
  const out = new Map<string, Span>();
  for (const point of appNginxPoints(facts)) {
    if (!point.server) continue;
    const listens = ownAll(point.server, "listen");
    const tls = listens.find((listen) =>
      listen.args.some((argument) => argument.value === "ssl" || argument.value === "quic"),
    );
    if (!tls) continue;
    const port = Number(/(\d+)$/.exec(arg(tls, 0))?.[1] ?? 443);
    for (const names of ownAll(point.server, "server_name")) {
      for (const name of names.args) {
        if (!/^[\w-]+(?:\.[\w-]+)+$/.test(name.value)) continue;
        out.set(`https://${name.value.toLowerCase()}${port === 443 ? "" : `:${port}`}`, name);
      }
    }
  }
  for (const point of appCaddyPoints(facts)) {
    for (const address of point.site.addresses) {
      const url = parseAddress(address.value);
      if (url.scheme === "http" || !/^[\w-]+(?:\.[\w-]+)+$/.test(url.host) || isIpLiteral(url.host) || url.port === 80)
        continue;
      out.set(`https://${url.host}${url.port === undefined || url.port === 443 ? "" : `:${url.port}`}`, address);
    }
  }
  return [...out].map(([origin, span]) => ({ origin, span }));
}
