import type { Rule } from "../types.ts";
import { allScopes, arg, closest, headSpan, ownAll } from "../model/nginx.ts";
import type { NginxScope } from "../model/nginx.ts";
import { appNginxPoints } from "../model/facts.ts";
import { replace } from "./kit.ts";

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
  reads: ["nginx"],
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
              "error_page 497 redirects after the request, with its credentials, came in clear; the answer is 302",
            fix: "Delete it: the http server on port 80 redirects.",
          };
        }
      }
    }
  },
};

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
