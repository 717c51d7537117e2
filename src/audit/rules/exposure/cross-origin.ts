import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyHead, isMatcher, visit } from "../../model/caddy.ts";
import { arg, headSpan, inheritedList } from "../../model/nginx.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { Span } from "../../source.ts";
import type { Hit, Rule } from "../../types.ts";
import { frontHits } from "../kit/fronts.ts";
import { effectiveHeaders } from "../kit/headers.ts";
import { annotation, appIngresses, appRouteRules } from "../kit/kubernetes.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";

const ALLOW = "access-control-allow-origin";
const SECOND =
  "the server sends one of its own to the pages of server.allowedOrigins, and browsers refuse an answer with two";
const REPLACED =
  "it admits no page, since the server answers 403 to every origin outside server.allowedOrigins, and browsers then guess at the cause";
const HIDDEN =
  "the server no longer sees which page asks: any web page that a visitor opens can use the server through his browser";
const FIX = "Delete it, and list the pages in server.allowedOrigins.";

export const rule: Rule = {
  id: "GA-EXP-022",
  severity: "warning",
  confidence: "certain",
  title: "The proxy decides in the server's place which web pages may use it",
  why: "The server compares the Origin of every browser request with server.allowedOrigins and answers with the matching CORS headers. A header that the proxy adds comes twice or says `*`; a proxy that removes or rewrites Origin switches the check off, for WebSockets too, which no CORS header guards.",
  evidence: [
    "Fetch standard, CORS check: more than one value fails.",
    "Tried on nginx 1.22, Caddy 2.6 and 2.11: add_header and header send a second header beside the upstream's.",
  ],
  reads: ["nginx", "caddyfile", "caddy-json", "haproxy", "traefik", "apache", "kubernetes"],
  fixKind: "manual",
  *check(facts) {
    if (facts.assume.flag("server.corsAllowAny")) return;
    yield* frontHits(facts, "origins", ({ isSecond }) => (isSecond ? SECOND : REPLACED));
    yield* frontHits(
      facts,
      "hidesOrigin",
      () => HIDDEN,
      () => ({ severity: "error" }),
    );
    yield* nginx(facts);
    for (const point of appCaddyPoints(facts)) yield* caddy(point);
    yield* kubernetes(facts);
  },
};

// ---

function added(span: Span, what: string, isSecond: boolean): Hit {
  return { span, message: `${what}: ${isSecond ? SECOND : REPLACED}`, fix: FIX };
}

function hidden(span: Span, what: string): Hit {
  return { span, message: `${what}: ${HIDDEN}`, fix: FIX, severity: "error" };
}

function* nginx(facts: Facts): Generator<Hit> {
  for (const { scope } of appNginxPoints(facts)) {
    const isHidden = inheritedList(scope, "proxy_hide_header").list.some(
      (item) => arg(item, 0).toLowerCase() === ALLOW,
    );
    for (const item of inheritedList(scope, "add_header").list)
      if (arg(item, 0).toLowerCase() === ALLOW)
        yield added(headSpan(item), `add_header ${arg(item, 0)} ${arg(item, 1)}`, !isHidden);
    for (const item of inheritedList(scope, "more_set_headers").list)
      if (arg(item, 0).toLowerCase().startsWith(`${ALLOW}:`))
        yield added(headSpan(item), `more_set_headers ${arg(item, 0)}`, false);
    const origin = effectiveHeaders(scope).headers.get("origin");
    if (origin !== undefined && origin.value !== "$http_origin")
      yield hidden(headSpan(origin.directive), `proxy_set_header Origin "${origin.value}"`);
  }
}

/** One header operation of Caddy: `header`, its block, `header_down`, `header_up` or `request_header`. */
interface Operation {
  readonly at: CaddyDirective;
  readonly name: string;
  readonly value: string;
  /** Done when the answer goes out, so that it replaces the upstream's. */
  readonly isLate: boolean;
}

function* caddy(point: CaddyPoint): Generator<Hit> {
  const inForce: CaddyDirective[] = [];
  visit(point.site.directives, [], (directive, around) => {
    if (around.every((outer) => point.around.includes(outer))) inForce.push(directive);
  });
  const of = (name: string): readonly Operation[] =>
    [...inForce, ...(point.proxy.block ?? [])].filter((item) => item.name === name).flatMap(operations);
  const down = of("header_down");
  const removed = down.some(({ name }) => name === `-${ALLOW}`);
  for (const { at, name, value, isLate } of [...of("header"), ...down]) {
    const sign = /^[+>]/.exec(name)?.[0] ?? "";
    if (name.slice(sign.length) !== ALLOW) continue;
    const isDown = at.name === "header_down";
    const isSecond = !removed && (sign === "+" || (!isDown && !isLate && sign !== ">"));
    yield added(caddyHead(at), `${isDown ? "header_down" : "header"} Access-Control-Allow-Origin ${value}`, isSecond);
  }
  for (const { at, name, value } of [...of("header_up"), ...of("request_header")])
    if (/^[-+>]?origin$/.test(name) && !/\{(?:http\.request\.)?header\.Origin\}/i.test(value))
      yield hidden(caddyHead(at), `${at.name} ${name.startsWith("-") ? "-Origin" : `Origin ${value}`}`);
}

function operations(directive: CaddyDirective): readonly Operation[] {
  const args = directive.args.filter((argument, i) => i > 0 || !isMatcher(argument)).map(({ value }) => value);
  const block = directive.block ?? [];
  const isLate = block.some(({ name }) => name === "defer") || args[0]?.startsWith(">") === true;
  const own =
    args[0] === undefined ? [] : [{ at: directive, name: args[0].toLowerCase(), value: args[1] ?? "", isLate }];
  return [
    ...own,
    ...block
      .filter(({ name }) => name !== "defer")
      .map((item) => ({
        at: item,
        name: item.name.toLowerCase(),
        value: item.args[0]?.value ?? "",
        isLate,
      })),
  ];
}

function* kubernetes(facts: Facts): Generator<Hit> {
  for (const ingress of appIngresses(facts)) {
    const cors = annotation(ingress, "nginx.ingress.kubernetes.io/enable-cors");
    const allowed = annotation(ingress, "nginx.ingress.kubernetes.io/cors-allow-origin");
    if (cors?.text !== "true") continue;
    yield added((allowed ?? cors).node, `enable-cors answers with the origin ${allowed?.text ?? "*"}`, false);
  }
  for (const { rule: route } of appRouteRules(facts))
    for (const filter of yamlAt(route, "filters")?.items ?? []) {
      for (const kind of ["set", "add"] as const)
        for (const item of yamlAt(filter, "responseHeaderModifier", kind)?.items ?? [])
          if (yamlText(yamlAt(item, "name"))?.toLowerCase() === ALLOW)
            yield added(item, `the filter ${kind}s Access-Control-Allow-Origin`, kind === "add");
      for (const item of yamlAt(filter, "requestHeaderModifier", "remove")?.items ?? [])
        if (yamlText(item)?.toLowerCase() === "origin") yield hidden(item, "the filter removes Origin");
      for (const item of yamlAt(filter, "requestHeaderModifier", "set")?.items ?? [])
        if (yamlText(yamlAt(item, "name"))?.toLowerCase() === "origin") yield hidden(item, "the filter sets Origin");
    }
}
