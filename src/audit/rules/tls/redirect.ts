import type { Hit, Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { caddyHead, plainArgs } from "../../model/caddy.ts";
import type { NginxScope } from "../../model/nginx.ts";
import { allScopes, arg, closest, headSpan, ownAll } from "../../model/nginx.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { replace } from "../kit/edits.ts";
import { annotation, appIngresses, appRouteRules } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-TLS-003",
  severity: "warning",
  confidence: "certain",
  title: "The redirect to https follows the client's Host header, or changes the method",
  why: "In a server that answers for any name, `https://$host` sends the visitor wherever the request's Host says: caches and password-reset mails can be poisoned with it. 301 turns a POST into a GET, so an upload arrives empty; 308 keeps it. `error_page 497` redirects after the credentials were already sent in clear.",
  evidence: [
    "Tried on nginx: error_page 497 answers 302 after the client has sent its Basic credentials.",
    "yandex/gixy#93",
  ],
  reads: ["nginx", "caddyfile", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    const ours = appNginxPoints(facts);
    for (const root of facts.nginx) {
      const related = ours.some((point) => point.root === root);
      for (const scope of allScopes(root.main)) {
        for (const directive of ownAll(scope, "return")) {
          const code = arg(directive, 0);
          const url = directive.args[1] ?? directive.args[0];
          const server = closest(scope, "server");
          if (
            !url ||
            !url.value.startsWith("https://") ||
            !server ||
            !(code === "301" || code === "302" || code === "307" || code === "308" || code === url.value)
          )
            continue;
          const host = /^https:\/\/(\$\{?(?:http_)?host\}?)/.exec(url.value)?.[1];
          const any = answersAny(server);
          const name = literalName(root.main, server);
          const codeArg = directive.args[0];
          const badHost = host !== undefined && (any || related);
          const badCode = (code === "301" || code === "302") && related;
          if (!badHost && !badCode) continue;
          const reasons = [
            ...(badHost
              ? [`${host} is what the client writes${any ? ", and this server answers for every name" : ""}`]
              : []),
            ...(badCode ? [`${code} turns a POST into a GET`] : []),
          ];
          yield {
            span: headSpan(directive),
            message: `the redirect to https is unsafe: ${reasons.join("; ")}`,
            fix: "Write `return 308 https://stt.example.com$request_uri;` with the literal name.",
            // Behind a server_name of its own $host is that name.
            ...(badHost && any ? {} : { severity: "note" as const }),
            edits: [
              ...(badHost && name !== undefined && host !== undefined
                ? [replace(url, url.value.replace(host, name))]
                : []),
              ...(badCode && codeArg ? [replace(codeArg, "308")] : []),
            ],
          };
        }
        for (const directive of ownAll(scope, "error_page")) {
          if (!directive.args.some((argument) => argument.value === "497")) continue;
          yield {
            span: headSpan(directive),
            message:
              "error_page 497 redirects after the request and its credentials were sent in clear; the answer is 302",
            fix: "Delete it: the http server on port 80 redirects.",
          };
        }
      }
    }
    yield* elsewhere(facts);
  },
};

/** Redirects outside nginx: a status that turns a POST into a GET. */
function* elsewhere(facts: Facts): Generator<Hit> {
  const sites = appCaddyPoints(facts).map((point) => point.file);
  for (const file of new Set(sites)) {
    if (file.source.path.endsWith(".json")) continue;
    for (const site of file.sites) {
      for (const redirect of site.directives.filter((directive) => directive.name === "redir")) {
        const [target, status] = plainArgs(redirect);
        if (!target || !target.value.startsWith("https://")) continue;
        const any = site.addresses.some((address) => /^(?:http:\/\/)?:\d+$/.test(address.value));
        const host = /^https:\/\/\{(?:host|http\.request\.host|hostport|header\.[Hh]ost)\}/.test(target.value);
        const code = status?.value ?? "302";
        const bad = /^(?:301|302|permanent|temporary|html)$/.test(code);
        if (!bad && !(host && any)) continue;
        yield {
          span: caddyHead(redirect),
          message: `the redirect to https is unsafe: ${[...(host && any ? ["the host is what the client writes, and this site answers for every name"] : []), ...(bad ? [`${status ? code : "302 (default)"} turns a POST into a GET`] : [])].join("; ")}`,
          fix: "Write `redir https://stt.example.com{uri} 308` with the literal name.",
          edits: bad
            ? [
                status
                  ? replace(status, "308")
                  : { span: { source: target.source, start: target.end, end: target.end }, text: " 308" },
              ]
            : [],
        };
      }
    }
  }
  const names = new Set(
    appRouteRules(facts).flatMap((rule) =>
      yamlStrings(yamlAt(rule.route.node, "spec", "hostnames")).map((item) => item.text),
    ),
  );
  for (const route of facts.kube) {
    if (route.kind !== "HTTPRoute") continue;
    if (!yamlStrings(yamlAt(route.node, "spec", "hostnames")).some((item) => names.has(item.text))) continue;
    for (const rule of yamlAt(route.node, "spec", "rules")?.items ?? []) {
      for (const filter of yamlAt(rule, "filters")?.items ?? []) {
        const redirect = yamlAt(filter, "requestRedirect");
        if (yamlText(yamlAt(redirect, "scheme")) !== "https") continue;
        const code = yamlAt(redirect, "statusCode");
        if (/^30[78]$/.test(yamlText(code) ?? "302")) continue;
        yield {
          span: yamlEntrySpan(redirect, "statusCode") ?? yamlKey(filter, "requestRedirect") ?? filter,
          message: `the redirect to https answers ${yamlText(code) ?? "302 (default)"}, which turns a POST into a GET`,
          fix: "Set statusCode: 308 (307 on gateways that know only the core values).",
          edits: code ? [replace(code, "308")] : [],
        };
      }
    }
  }
  for (const ingress of appIngresses(facts)) {
    const found = annotation(ingress, "nginx.ingress.kubernetes.io/ssl-redirect");
    if (found?.text !== "false" || !yamlAt(ingress.node, "spec", "tls")) continue;
    yield {
      span: found.node,
      message: "ssl-redirect is off although the Ingress has TLS: passwords and audio also travel in clear",
      fix: 'Set it to "true".',
      edits: [replace(found.node, '"true"')],
    };
  }
}

function answersAny(server: NginxScope): boolean {
  const names = ownAll(server, "server_name").flatMap((directive) => directive.args.map((argument) => argument.value));
  const literal = names.filter((name) => name !== "_" && name !== "");
  const first = server.parent?.scopes.find((scope) => scope.kind === "server") === server;
  const isDefault = ownAll(server, "listen").some((listen) =>
    listen.args.some((argument) => argument.value === "default_server"),
  );
  return literal.length === 0 || isDefault || (first && literal.length === 0);
}

/** The name a redirect can go to: the server's own, or the only one of the TLS servers. */
function literalName(main: NginxScope, server: NginxScope): string | undefined {
  const names = (scope: NginxScope): string[] =>
    ownAll(scope, "server_name")
      .flatMap((directive) => directive.args.map((argument) => argument.value))
      .filter((name) => /^[\w-]+(?:\.[\w-]+)+$/.test(name));
  const own = names(server);
  if (own.length > 0) return own[0];
  const all = new Set([...allScopes(main)].filter((scope) => scope.kind === "server").flatMap((scope) => names(scope)));
  return all.size === 1 ? [...all][0] : undefined;
}
