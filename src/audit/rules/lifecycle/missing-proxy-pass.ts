import type { NginxScope } from "../../model/nginx.ts";
import type { Rule } from "../../types.ts";
import { appNginxPoints } from "../../model/facts.ts";
import { allScopes, arg, headSpan } from "../../model/nginx.ts";
import { nginxLocations } from "../../model/nginx-points.ts";

/** What makes a location answer by itself, or refuse every request. */
const ANSWERS =
  /^(?:(?:proxy|grpc|fastcgi|uwsgi|scgi|memcached)_pass|return|rewrite|try_files|alias|root|stub_status|empty_gif|js_content|content_by_lua\w*|mirror|dav_methods|autoindex)$/;

export const rule: Rule = {
  id: "GA-LIF-019",
  severity: "error",
  confidence: "certain",
  title: "A location has proxy settings but no proxy_pass",
  why: "Timeouts, headers and buffering are inherited by a location, proxy_pass is not. A location that was added to give one route a longer timeout takes that route away from the server: nginx looks for a file of that name and answers 404.",
  evidence: ["nginx documentation: proxy_pass has no default and is not inherited from the enclosing level."],
  reads: ["nginx"],
  fixKind: "manual",
  *check(facts) {
    const points = appNginxPoints(facts);
    for (const server of new Set(points.flatMap((point) => (point.server ? [point.server] : []))))
      for (const location of nginxLocations(server)) {
        if (!location.directive || !location.own.some(({ directive }) => /^proxy_(?!pass$)/.test(directive))) continue;
        if ([...allScopes(location)].some((scope) => scope.missing.length > 0 || answers(scope))) continue;
        const pass = points.find((point) => point.server === server)?.pass;
        yield {
          span: headSpan(location.directive),
          message: `${location.directive.args.map(({ value }) => value).join(" ")} has proxy settings but no proxy_pass: requests get 404 here, the server never sees them`,
          fix: `Write \`proxy_pass ${pass ? arg(pass, 0) : "http://127.0.0.1:9876"};\` into this location too.`,
          related: pass ? [{ span: headSpan(pass), message: "passed on here, which is not inherited" }] : [],
        };
      }
  },
};

// ---

function answers(scope: NginxScope): boolean {
  return scope.own.some(
    (item) => ANSWERS.test(item.directive) || (item.directive === "deny" && arg(item, 0) === "all"),
  );
}
