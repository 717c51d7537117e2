import type { Hit, Rule } from "../../types.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { caddyHead } from "../../model/caddy.ts";
import { arg, headSpan, inheritedList, ownAll } from "../../model/nginx.ts";
import type { CaddyDirective, CaddySite } from "../../parse/caddyfile-tree.ts";
import { yamlAt, yamlKey, yamlText } from "../../parse/yaml.ts";
import { addNginx } from "../kit/edits.ts";
import { appRouteRules } from "../kit/kubernetes.ts";

/** What the proxy has to add. The server sends Content-Security-Policy and Permissions-Policy itself, for its page others than for the rest. */
const WANTED: readonly (readonly [string, string])[] = [
  ["X-Content-Type-Options", "nosniff"],
  ["X-Frame-Options", "DENY"],
  ["Referrer-Policy", "no-referrer"],
];

export const rule: Rule = {
  id: "GA-EXP-017",
  severity: "note",
  confidence: "certain",
  title: "The public answers lack security headers",
  why: "They tell the browser to refuse framing and content-type guessing for this origin, and to keep its addresses to itself. Browsers open the console and error texts, so an injected string must not run as a page. The proxy is the one place that covers every answer, its own errors included.",
  evidence: ["MDN HTTP Observatory: x-content-type-options, x-frame-options, referrer-policy tests."],
  reads: ["nginx", "caddyfile", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    const servers = new Set(appNginxPoints(facts).flatMap((point) => (point.server ? [point.server] : [])));
    for (const server of servers) {
      const { list, uncertain } = inheritedList(server, "add_header");
      const anchor = ownAll(server, "server_name")[0] ?? ownAll(server, "listen")[0];
      if (uncertain || server.missing.length > 0 || !anchor) continue;
      const given = new Map(list.map((item) => [arg(item, 0).toLowerCase(), item]));
      const missing = lacking((name) => given.has(name));
      if (missing.length > 0) {
        const last = list.at(-1);
        yield {
          span: headSpan(anchor),
          message: words(missing),
          fix: `Add ${missing.map(([name, value]) => `\`add_header ${name} ${value} always;\``).join(" ")} to the server.`,
          // Beside the list in force, so that nothing of it is lost.
          edits: missing.map(([name, value]) => addNginx(last ?? anchor, `add_header ${name} ${value} always;`)),
        };
      }
      for (const [name] of WANTED) {
        const header = given.get(name.toLowerCase());
        const value = header?.args[1];
        if (!header || !value || header.args.some((item) => item.value === "always")) continue;
        yield {
          span: headSpan(header),
          message: `without \`always\` ${name} is missing on 401, 404 and every other error answer`,
          fix: "Add `always`.",
          edits: [{ span: { source: header.source, start: value.end, end: value.end }, text: " always" }],
        };
      }
    }
    for (const site of new Set(appCaddyPoints(facts).map((point) => point.site))) {
      const address = site.addresses[0];
      if (!address || address.source.path.endsWith(".json") || site.source.path.endsWith(".json")) continue;
      const given = caddyHeaders(site);
      const missing = lacking((name) => given.has(name));
      const first = site.directives[0];
      if (missing.length === 0) continue;
      // Where headers are set already, also in a snippet, there is the place.
      const block = site.directives.find((directive) => directive.name === "header" && directive.block);
      yield {
        span: block ? caddyHead(block) : address,
        message: words(missing),
        fix: `Add \`header { ${missing.map(([name, value]) => `${name} ${value}`).join("; ")} }\` to the site.`,
        ...(first && first.source === site.source && first.start > address.end
          ? {
              edits: [
                {
                  span: { source: first.source, start: first.start, end: first.start },
                  text: `${missing.map(([name, value]) => `header ${name} ${value}`).join("\n\t")}\n\t`,
                },
              ],
            }
          : {}),
      };
    }
    for (const { rule: node } of appRouteRules(facts)) {
      const modifier = (yamlAt(node, "filters")?.items ?? []).find(
        (item) => yamlText(yamlAt(item, "type")) === "ResponseHeaderModifier",
      );
      const settings = yamlAt(modifier, "responseHeaderModifier");
      const names = new Set(
        ["set", "add"].flatMap((key) =>
          (yamlAt(settings, key)?.items ?? []).map((item) => (yamlText(yamlAt(item, "name")) ?? "").toLowerCase()),
        ),
      );
      const https = facts.assume.text("deploy.tls.hsts");
      const missing: (readonly [string, string])[] = lacking((name) => names.has(name));
      if (facts.assume.hasConfig && https !== "off" && facts.assume.text("deploy.tls.mode") !== "none") {
        if (!names.has("strict-transport-security")) missing.unshift(["Strict-Transport-Security", "max-age=63072000"]);
      }
      if (missing.length === 0) continue;
      yield {
        span: yamlKey(settings, "set") ?? yamlKey(node, "filters") ?? yamlKey(node, "matches") ?? node,
        message: words(missing),
        fix: "Set them with a ResponseHeaderModifier filter (`gigastt render kubernetes`).",
      } satisfies Hit;
    }
  },
};

// ---

function lacking(has: (name: string) => boolean): (readonly [string, string])[] {
  return WANTED.filter(([name]) => !has(name.toLowerCase()));
}

function words(missing: readonly (readonly [string, string])[]): string {
  return `the public answers carry no ${missing.map(([name]) => name).join(", ")}`;
}

/** Names of the headers a site sets for all of its answers, lower case. */
function caddyHeaders(site: CaddySite): ReadonlySet<string> {
  const names = new Set<string>();
  const add = (directive: CaddyDirective): void => {
    if (directive.name !== "header") return;
    for (const item of directive.args) names.add(item.value.replace(/^[+?>]/, "").toLowerCase());
    for (const item of directive.block ?? []) names.add(item.name.replace(/^[+?>]/, "").toLowerCase());
  };
  for (const directive of site.directives) add(directive);
  return names;
}
