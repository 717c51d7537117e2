import type { Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { arg, headSpan, ownAll } from "../../model/nginx.ts";
import { isIpLiteral, isLoopbackHost, parseAddress } from "../../model/address.ts";
import { environment } from "../../model/environment.ts";
import { appServices } from "../../model/facts.ts";
import { yamlAt, yamlStrings, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import { appIngresses, appRouteRules } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-EXP-009",
  severity: "error",
  confidence: "likely",
  title: "Browsers are refused: the public origin is not allowed",
  why: "A page on https://stt.example.com sends that origin with every WebSocket and POST, also through the proxy. The server allows loopback origins only, unless configured otherwise: the user gets 403 origin_denied. An http:// origin in the list lets an attacker on the path use the service.",
  evidence: ["NousResearch/hermes-agent#68251", "tiny-pilot/tinypilot#1365"],
  reads: ["nginx", "caddyfile", "kubernetes", "config"],
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
    const domain = assume.text("deploy.domain")?.toLowerCase();
    const origins = publicOrigins(facts);
    const place = origins.find(({ origin }) => parseAddress(origin).host === domain);
    const served = namesServed(facts);
    if (assume.hasConfig && domain !== undefined && !place && served.length > 0) {
      const told = served.find(({ name }) => name === domain || name === "*" || name.startsWith("*."));
      const first = served[0];
      if (!told && first)
        yield {
          span: first.span,
          message: `the proxy serves ${[...new Set(served.map(({ name }) => name))].join(", ")}, but deploy.domain is ${domain}: no site answers under the public name`,
          fix: `Use ${domain} as the proxy's name, or change deploy.domain.`,
          related: assume.related("deploy.domain"),
        };
    }
    if (allowed.has("*")) return;
    const known = assume.hasConfig || assume.isSet("server.allowedOrigins");
    for (const { origin, span } of origins) {
      // The config knows its own name, and behind a published port also the port browsers see.
      if (allowed.has(origin) || parseAddress(origin).host === assume.text("deploy.domain")?.toLowerCase()) continue;
      yield {
        span,
        message: known
          ? `pages on ${origin} are refused with 403: the origin is not in server.allowedOrigins${list ? "" : " (which is not set)"}`
          : `pages on ${origin} are refused with 403 unless server.allowedOrigins has this origin`,
        fix: `Add "${origin}" to server.allowedOrigins (or set deploy.domain, which adds it).`,
        related: assume.related("server.allowedOrigins"),
        ...(known
          ? { confidence: "certain" as const }
          : { severity: "warning" as const, confidence: "needs-context" as const }),
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

/** Names under which the proxy answers for the server; `*` stands for every name. */
function namesServed(facts: Facts): readonly { readonly name: string; readonly span: Span }[] {
  const out: { name: string; span: Span }[] = [];
  for (const point of appNginxPoints(facts)) {
    if (!point.server) continue;
    const names = ownAll(point.server, "server_name");
    const anchor = names[0] ?? ownAll(point.server, "listen")[0];
    if (!anchor || point.server.missing.length > 0) continue;
    if (names.length === 0) out.push({ name: "no name", span: headSpan(anchor) });
    for (const name of names.flatMap((item) => item.args))
      out.push({ name: /^[~_]|\$|[*]/.test(name.value) ? "*" : name.value.toLowerCase(), span: name });
  }
  for (const point of appCaddyPoints(facts)) {
    for (const address of point.site.addresses) {
      const { host } = parseAddress(address.value);
      out.push({ name: host === "" || host.includes("*") || host.includes("{") ? "*" : host, span: address });
    }
  }
  for (const { route } of appRouteRules(facts))
    for (const { text, node } of yamlStrings(yamlAt(route.node, "spec", "hostnames")))
      out.push({ name: text.toLowerCase(), span: node });
  for (const ingress of appIngresses(facts))
    for (const item of yamlAt(ingress.node, "spec", "rules")?.items ?? []) {
      const host = yamlAt(item, "host");
      out.push({ name: yamlText(host)?.toLowerCase() ?? "*", span: host ?? item });
    }
  return out;
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
    // Behind another proxy of this machine: which port browsers see is not known here, and is mostly the usual one.
    const isInner =
      isLoopbackHost(parseAddress(arg(tls, 0)).host) || tls.args.some(({ value }) => value === "proxy_protocol");
    const port = isInner ? 443 : Number(/(\d+)$/.exec(arg(tls, 0))?.[1] ?? 443);
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
