import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyHead, children, isMatcher, visit } from "../../model/caddy.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { allScopes, arg, headSpan, ownAll } from "../../model/nginx.ts";
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { Hit, Rule } from "../../types.ts";
import { replace } from "../kit/edits.ts";
import { effectiveHeaders } from "../kit/headers.ts";

/** What the server, its logs and limits take for the client's address. */
const ADDRESS = /^\+?(?:x-forwarded-for|x-real-ip|forwarded)$/i;
/** GA-XFF-001 and GA-XFF-004 speak about the client's own X-Forwarded-For in X-Forwarded-For. */
const OWN = /^x[-_]forwarded[-_]for$/i;

export const rule: Rule = {
  id: "GA-XFF-012",
  severity: "error",
  confidence: "certain",
  title: "The client's address is taken from a header that any client can send",
  why: "CF-Connecting-IP, X-Real-IP and similar headers are trustworthy only on connections from the CDN or load balancer that sets them. Copied without a check of the peer, every client chooses the address that limits and logs see.",
  evidence: [
    "engintron/engintron#248",
    "nginx documentation, ngx_http_realip_module: set_real_ip_from checks the peer.",
  ],
  reads: ["nginx", "caddyfile", "caddy-json"],
  fixKind: "safe",
  *check(facts) {
    for (const point of appNginxPoints(facts)) {
      if (checksPeer(point.scope)) continue;
      for (const [name, { value, directive }] of effectiveHeaders(point.scope).headers) {
        const from = ADDRESS.test(name) ? nginxSource(point.scope, point.root.main, value, 0) : undefined;
        if (from === undefined || (name === "x-forwarded-for" && OWN.test(from))) continue;
        const target = directive.args[1];
        yield {
          span: headSpan(directive),
          message: `${arg(directive, 0)} is taken from the client's ${headerName(from)} on every connection`,
          fix: `Write \`proxy_set_header ${arg(directive, 0)} $remote_addr;\`; behind a CDN add \`set_real_ip_from\` with its networks and \`real_ip_header ${headerName(from)};\`.`,
          ...(target && name !== "forwarded" ? { edits: [replace(target, "$remote_addr")] } : {}),
        };
      }
    }
    const seen = new Set<CaddyDirective>();
    for (const point of appCaddyPoints(facts)) {
      if (matchesPeer(point)) continue;
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
  if (!value || from === undefined || !ADDRESS.test(name) || (/x-forwarded-for/i.test(name) && OWN.test(from)))
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
    if (name.startsWith("http_")) return name.slice(5);
    if (depth > 5) continue;
    for (let at: NginxScope | undefined = scope; at; at = at.parent)
      for (const set of ownAll(at, "set"))
        if (arg(set, 0) === `$${name}`) {
          const found = nginxSource(scope, main, arg(set, 1), depth + 1);
          if (found !== undefined) return found;
        }
    for (const map of allScopes(main)) {
      if (map.kind !== "map" || arg(map.directive, 1) !== `$${name}` || !/\$\{?http_/.test(arg(map.directive, 0)))
        continue;
      const values = map.own.map((entry) => (entry.args.length > 0 ? arg(entry, 0) : "")).join(" ");
      const found = nginxSource(scope, main, values, depth + 1);
      if (found !== undefined) return found;
    }
  }
  return undefined;
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

function caddySource(point: CaddyPoint, value: string): string | undefined {
  const direct = /\{(?:http\.request\.header|header)\.([\w-]+)\}/i.exec(value)?.[1];
  if (direct !== undefined) return direct;
  const variable = /\{(?:http\.)?vars\.([\w.-]+)\}/.exec(value)?.[1];
  if (variable === undefined) return undefined;
  const vars = point.site.directives.filter(({ name }) => name === "vars");
  for (const item of vars.flatMap((directive) => [directive, ...(directive.block ?? [])])) {
    const words = item.name === "vars" ? item.args.map((argument) => argument.value) : [item.name, item.args[0]?.value];
    if (words.includes(variable)) return caddySource(point, (words.at(-1) ?? "").replaceAll("vars.", ""));
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
