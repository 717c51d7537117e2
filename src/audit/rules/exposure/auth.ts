import type { NginxScope } from "../../model/nginx.ts";
import { arg, inherited, inheritedList } from "../../model/nginx.ts";
import type { CaddyDirective, CaddySite } from "../../parse/caddyfile-tree.ts";
import { caddyPathMatches, isMatcher } from "../../model/caddy.ts";
import type { CaddyPoint } from "../../model/caddy.ts";

/** Whether nginx asks for credentials (password, subrequest or client certificate) in a scope. */
export function nginxAuth(scope: NginxScope): boolean {
  return nginxPassword(scope) || refusedBeforehand(scope);
}

/** Whether nginx asks in its access phase, which comes after `return` and `rewrite`. */
export function nginxPassword(scope: NginxScope): boolean {
  const basic = inherited(scope, "auth_basic");
  // Without a user file nginx accepts every request, whatever the realm.
  if (basic && arg(basic, 0) !== "off" && (inherited(scope, "auth_basic_user_file") ?? partlyUnknown(scope)))
    return true;
  return ["auth_request", "auth_jwt"].some((name) => !["", "off"].includes(arg(inherited(scope, name), 0)));
}

/** Whether a client certificate, or an `if` about the client's credentials, refuses a request before any `return` of a location. */
export function refusedBeforehand(scope: NginxScope): boolean {
  if (arg(inherited(scope, "ssl_verify_client"), 0) === "on") return true;
  for (let at: NginxScope | undefined = scope; at; at = at.parent)
    if (at.scopes.some((child) => refuses(child))) return true;
  return false;
}

/** Whether an include that was not read could hold more of this scope. */
function partlyUnknown(scope: NginxScope): true | undefined {
  for (let at: NginxScope | undefined = scope; at; at = at.parent) if (at.missing.length > 0) return true;
  return undefined;
}

/** `if ($ssl_client_verify != SUCCESS) { return 403; }` and the like: strangers are turned away before the upstream. */
function refuses(scope: NginxScope): boolean {
  return (
    scope.kind === "if" &&
    scope.own.some((item) => item.directive === "return" && /^4(?:01|03|44)$/.test(arg(item, 0))) &&
    (scope.directive?.args ?? []).some((item) =>
      /\$(?:ssl_client|http_authorization|http_x_api_key|gigastt_client|cookie_)/.test(item.value),
    )
  );
}

/** Whether addresses limit who reaches a scope (`deny all` after allows, or alone). */
export function nginxDenied(scope: NginxScope): boolean {
  const { list } = inheritedList(scope, "deny");
  return list.some((directive) => arg(directive, 0) === "all");
}

const AUTH = new Set(["basic_auth", "basicauth", "forward_auth", "authorize", "authenticate", "jwtauth"]);

export function isAuthDirective(directive: CaddyDirective): boolean {
  return AUTH.has(directive.name);
}

/** Whether credentials are asked for on a path that reaches a proxy: in its own chain of blocks, or on the site. */
export function caddyAuth(point: CaddyPoint, path: string): boolean {
  if (clientCertificates(point.site)) return true;
  const levels = [point.site.directives, ...point.around.map((block) => block.block ?? [])];
  return levels.some((directives) =>
    directives.some(
      (directive) =>
        (isAuthDirective(directive) && covers(point.site, directive, path)) || refusesStrangers(directives, directive),
    ),
  );
}

/** `error @nocert 403` where the matcher asks for the client's certificate. */
function refusesStrangers(beside: readonly CaddyDirective[], directive: CaddyDirective): boolean {
  if (directive.name !== "error" && directive.name !== "respond" && directive.name !== "abort") return false;
  const matcher = directive.args[0]?.value ?? "";
  const definition = matcher.startsWith("@") ? beside.find((item) => item.name === matcher) : undefined;
  if (!definition) return false;
  const words = [definition, ...(definition.block ?? [])].flatMap((item) =>
    item.args.map((argument) => argument.value),
  );
  return words.some((word) => word.includes("tls.client"));
}

/** The site, or anything in it, asks for credentials somewhere. */
export function caddyAuthSomewhere(site: CaddySite): boolean {
  const walk = (directives: readonly CaddyDirective[]): boolean =>
    directives.some(
      (directive) =>
        isAuthDirective(directive) || refusesStrangers(directives, directive) || walk(directive.block ?? []),
    );
  return clientCertificates(site) || walk(site.directives);
}

function clientCertificates(site: CaddySite): boolean {
  const tls = site.directives.find((directive) => directive.name === "tls");
  const client = tls?.block?.find((directive) => directive.name === "client_auth");
  const mode = client?.block?.find((directive) => directive.name === "mode")?.args[0]?.value ?? "require_and_verify";
  return client !== undefined && mode.startsWith("require");
}

function covers(site: CaddySite, directive: CaddyDirective, path: string): boolean {
  const first = directive.args[0];
  if (!first || !isMatcher(first) || first.value === "*" || first.value === "/*") return true;
  if (first.value.startsWith("/")) return caddyPathMatches(first.value, path);
  const definition = site.directives.find((item) => item.name === first.value);
  if (!definition) return true;
  const lines = definition.block ?? [{ name: definition.args[0]?.value ?? "", args: definition.args.slice(1) }];
  return lines.every((line) => {
    const patterns = line.name === "not" ? line.args.slice(1) : line.args;
    const hit = patterns.some((pattern) => caddyPathMatches(pattern.value, path));
    if (line.name === "path") return hit;
    return line.name === "not" && line.args[0]?.value === "path" ? !hit : true;
  });
}
