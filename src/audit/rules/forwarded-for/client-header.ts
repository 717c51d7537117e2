import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyHead, children, isMatcher, visit } from "../../model/caddy.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { allScopes, arg, headSpan, inheritedList, ownAll } from "../../model/nginx.ts";
import type { NginxPoint } from "../../model/nginx-points.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { Hit, Rule } from "../../types.ts";
import { replace } from "../kit/edits.ts";
import { effectiveHeaders } from "../kit/headers.ts";
import { isInnerCaddy, isInnerNginx } from "../kit/inner-proxy.ts";

/** What the server, its logs and limits take for the client's address. */
const ADDRESS = /^\+?(?:x-forwarded-for|x-real-ip|forwarded)$/i;
/** GA-XFF-001 and GA-XFF-004 speak about the client's own X-Forwarded-For, written directly into X-Forwarded-For. */
const OWN = /\$\{?http_x_forwarded_for\b|\{(?:http\.request\.header|header)\.x-forwarded-for\}/i;

export const rule: Rule = {
  id: "GA-XFF-012",
  severity: "error",
  confidence: "certain",
  title: "The client's address, or the key of a limit, is taken from a header that any client can send",
  why: "CF-Connecting-IP, X-Real-IP and similar headers are trustworthy only on connections from the CDN or load balancer that sets them. Copied without a check of the peer, every client chooses the address that limits and logs see.",
  evidence: [
    "engintron/engintron#248",
    "nginx documentation, ngx_http_realip_module: set_real_ip_from checks the peer.",
  ],
  reads: ["nginx", "caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    for (const point of appNginxPoints(facts)) {
      if (checksPeer(point.scope) || isInnerNginx(facts, point)) continue;
      for (const [name, { value, directive }] of effectiveHeaders(point.scope).headers) {
        const from = ADDRESS.test(name) ? nginxSource(point.scope, point.root.main, value, 0) : undefined;
        if (from === undefined || (name === "x-forwarded-for" && OWN.test(value))) continue;
        const target = directive.args[1];
        yield {
          span: headSpan(directive),
          message: `${arg(directive, 0)} is taken from the client's ${from} on every connection`,
          fix: `Write \`proxy_set_header ${arg(directive, 0)} $remote_addr;\`${behindCdn(from)}`,
          ...(target && name !== "forwarded" ? { edits: [replace(target, "$remote_addr")] } : {}),
        };
      }
      yield* limitsByHeader(point);
    }
    const seen = new Set<CaddyDirective>();
    for (const point of appCaddyPoints(facts)) {
      if (matchesPeer(point) || isInnerCaddy(facts, point)) continue;
      const settings = [...children(point.proxy, "header_up"), ...requestHeaders(point)];
      for (const setting of settings) {
        const hit = seen.has(setting) ? undefined : caddyHit(point, setting);
        seen.add(setting);
        if (hit) yield hit;
      }
    }
  },
};

function caddyHit(point: CaddyPoint, setting: CaddyDirective): Hit | undefined {
  const args = setting.args.filter((argument) => !isMatcher(argument));
  const name = args[0]?.value ?? "";
  const value = args[1];
  const from = value ? caddySource(point, value.value) : undefined;
  if (!value || from === undefined || !ADDRESS.test(name) || (/x-forwarded-for/i.test(name) && OWN.test(value.value)))
    return undefined;
  return {
    span: caddyHead(setting),
    message: `${name} is taken from the client's ${from} on every connection`,
    fix: `Write \`${setting.name} ${name} {remote_host}\`; behind a CDN use {client_ip} with \`trusted_proxies static\`, its networks and \`client_ip_headers ${from}\` in the global servers block.`,
    ...(point.file.source.path.endsWith(".json") || value.source !== setting.source
      ? {}
      : { edits: [replace(value, "{remote_host}")] }),
  };
}

/** The request header a value comes from, through `set` and `map`; a map keyed by anything but a header is a check. */
function nginxSource(scope: NginxScope, main: NginxScope, value: string, depth: number): string | undefined {
  for (const [, name = ""] of value.matchAll(/\$\{?(\w+)\}?/g)) {
    const sent = /^(http|arg|cookie)_(.+)$/.exec(name);
    if (sent)
      return sent[1] === "http"
        ? headerName(sent[2] ?? "")
        : `${sent[1] === "arg" ? "parameter" : "cookie"} ${sent[2]}`;
    if (depth > 5) continue;
    for (let at: NginxScope | undefined = scope; at; at = at.parent)
      for (const set of ownAll(at, "set"))
        if (arg(set, 0) === `$${name}`) {
          const found = nginxSource(scope, main, arg(set, 1), depth + 1);
          if (found !== undefined) return found;
        }
    for (const map of allScopes(main)) {
      if (map.kind !== "map" || arg(map.directive, 1) !== `$${name}`) continue;
      // What a header becomes in another map is still the client's word.
      const key = arg(map.directive, 0);
      if (!/\$\{?http_/.test(key) && nginxSource(scope, main, key, depth + 1) === undefined) continue;
      const values = map.own.map((entry) => (entry.args.length > 0 ? arg(entry, 0) : "")).join(" ");
      // A capture is a piece of what the map looks at.
      const captured = map.own.some(
        (entry) => entry.directive.startsWith("~") && /\$(?:\d|(?!http_|remote_|binary_)[a-z])/.test(arg(entry, 0)),
      );
      const found = nginxSource(
        scope,
        main,
        captured && isHeaderAlone(map) ? `${arg(map.directive, 0)} ${values}` : values,
        depth + 1,
      );
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** A map keyed by one header; a key with more in it (`"$is_cdn:$http_…"`) is a check. */
function isHeaderAlone(map: NginxScope): boolean {
  return /^\$\{?http_\w+\}?$/.test(arg(map.directive, 0));
}

/** Limits counted by what the client says: it writes another value into each request. */
function* limitsByHeader(point: NginxPoint): Generator<Hit> {
  for (const [use, define] of [
    ["limit_req", "limit_req_zone"],
    ["limit_conn", "limit_conn_zone"],
  ] as const) {
    for (const limit of inheritedList(point.scope, use).list) {
      const zones = new Set(limit.args.map(({ value }) => value.replace(/^zone=/, "")));
      for (const scope of allScopes(point.root.main))
        for (const zone of ownAll(scope, define)) {
          const key = arg(zone, 0);
          const isUsed = zone.args.some(({ value }) => zones.has(/^zone=([^:]+)/.exec(value)?.[1] ?? ""));
          const from = isUsed ? nginxSource(scope, point.root.main, key, 0) : undefined;
          if (from === undefined || /\$(?:binary_)?remote_addr\b/.test(key)) continue;
          const target = zone.args[0];
          yield {
            span: headSpan(zone),
            message: `${use} counts by the client's ${from}: a client that sends another value each time is not limited`,
            fix: `Write \`${define} $binary_remote_addr …\`${behindCdn(from)}`,
            ...(target ? { edits: [replace(target, "$binary_remote_addr")] } : {}),
            related: [{ span: headSpan(limit), message: "this limit has no effect" }],
          };
        }
    }
  }
}

function behindCdn(from: string): string {
  return /^(?:parameter|cookie) /.test(from)
    ? "."
    : `; behind a CDN add \`set_real_ip_from\` with its networks and \`real_ip_header ${from};\`.`;
}

/** `deny all` after the addresses that are allowed. */
function checksPeer(scope: NginxScope): boolean {
  for (let at: NginxScope | undefined = scope; at; at = at.parent)
    if (ownAll(at, "deny").some((item) => arg(item, 0) === "all") && ownAll(at, "allow").length > 0) return true;
  return false;
}

function headerName(variable: string): string {
  return variable
    .split("_")
    .map((part) => (/^(?:cf|ip)$/.test(part) ? part.toUpperCase() : part.slice(0, 1).toUpperCase() + part.slice(1)))
    .join("-");
}

function caddySource(point: CaddyPoint, value: string, depth = 0): string | undefined {
  const direct = /\{(?:http\.request\.header|header)\.([\w-]+)\}/i.exec(value)?.[1];
  if (direct !== undefined) return direct;
  const sent = /\{(?:http\.request\.(?:uri\.)?)?(query|cookie)\.([\w-]+)\}/.exec(value);
  if (sent) return `${sent[1] === "query" ? "parameter" : "cookie"} ${sent[2]}`;
  if (depth > 5) return undefined;
  const capture = /\{(?:re|http\.regexp)\.(?:([A-Za-z_]\w*)\.)?\w+\}/.exec(value);
  if (capture) return capturedHeader(point, capture[1]);
  const variable = /\{(?:(?:http\.)?vars\.)?([\w.-]+)\}/.exec(value)?.[1];
  if (variable === undefined) return undefined;
  const all = [point.site.directives, ...point.around.map(({ block }) => block ?? [])].flat();
  for (const item of all.filter(({ name }) => name === "vars").flatMap((item) => [item, ...(item.block ?? [])])) {
    const words = item.name === "vars" ? item.args.map((argument) => argument.value) : [item.name, item.args[0]?.value];
    if (words.includes(variable)) return caddySource(point, (words.at(-1) ?? "").replaceAll("vars.", ""), depth + 1);
  }
  for (const map of all.filter(({ name }) => name === "map")) {
    const [source = "", ...names] = map.args.map((argument) => argument.value);
    if (!/^\{(?:http\.request\.header|header)\./i.test(source) || !names.includes(`{${variable}}`)) continue;
    const values = (map.block ?? []).flatMap(({ args }) => args.map((argument) => argument.value));
    const captured = (map.block ?? []).some(
      ({ name, args }) => name.startsWith("~") && args.some((item) => /\$\{?\d/.test(item.value)),
    );
    const found = [...values, ...(captured ? [source] : [])]
      .map((item) => caddySource(point, item, depth + 1))
      .find(Boolean);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The header that a `header_regexp` matcher of the site looks at. */
function capturedHeader(point: CaddyPoint, name: string | undefined): string | undefined {
  const matchers = point.site.directives.filter((directive) => directive.name.startsWith("@"));
  for (const line of matchers.flatMap((matcher) => [matcher, ...(matcher.block ?? [])])) {
    const words = [line.name, ...line.args.map((argument) => argument.value)];
    const at = words.indexOf("header_regexp");
    if (at === -1 || at > 1) continue;
    const [first, second, third] = words.slice(at + 1);
    if (name === undefined || (third !== undefined && first === name)) return third === undefined ? first : second;
  }
  return undefined;
}

function requestHeaders(point: CaddyPoint): readonly CaddyDirective[] {
  const found: CaddyDirective[] = [];
  visit(point.site.directives, [], (directive, around) => {
    if (directive.name === "request_header" && around.every((outer) => point.around.includes(outer)))
      found.push(directive);
  });
  return found;
}

/** A matcher of the peer's address guards the proxy. */
function matchesPeer(point: CaddyPoint): boolean {
  return [point.proxy, ...point.around].some(({ args }) => {
    const name = args[0]?.value ?? "";
    const definition = name.startsWith("@") ? point.site.directives.find((item) => item.name === name) : undefined;
    return (
      definition !== undefined &&
      (definition.args[0]?.value === "remote_ip" || (definition.block ?? []).some((item) => item.name === "remote_ip"))
    );
  });
}
