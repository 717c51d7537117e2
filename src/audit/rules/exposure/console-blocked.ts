import type { CaddyPoint } from "../../model/caddy.ts";
import { caddyHead, isMatcher } from "../../model/caddy.ts";
import { appCaddyPoints, appNginxPoints } from "../../model/facts.ts";
import { arg, headSpan, inheritedList } from "../../model/nginx.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import type { Hit, Rule } from "../../types.ts";
import { appRouteRules, ruleTakes } from "../kit/kubernetes.ts";
import { caddyPointFor, isTakenBy, routesAt } from "../kit/points.ts";

type Context = Pick<Hit, "severity" | "confidence">;

/** What the console loads from its own origin. */
const NEEDED = ["script-src", "style-src", "connect-src"];

export const rule: Rule = {
  id: "GA-EXP-020",
  severity: "warning",
  confidence: "certain",
  title: "The proxy's own policy blanks the console or takes the microphone from it",
  why: "The server sends a policy that fits its console. A browser obeys every Content-Security-Policy it receives, so a second one that allows no script leaves the page blank; `Permissions-Policy: microphone=()` makes every recording fail.",
  evidence: ["openclaw#62299", "agentistics#404"],
  reads: ["nginx", "caddyfile", "kubernetes", "config"],
  fixKind: "manual",
  *check(facts) {
    if (!facts.assume.flag("console.enabled")) return;
    // Without the server's configuration the console may be off.
    const context: Context = facts.assume.hasConfig ? {} : { severity: "note", confidence: "needs-context" };
    for (const point of appNginxPoints(facts)) {
      if (!routesAt(point).some(({ path }) => path === "/")) continue;
      for (const header of inheritedList(point.scope, "add_header").list)
        yield* check(arg(header, 0), arg(header, 1), headSpan(header), context);
    }
    for (const point of appCaddyPoints(facts)) {
      if (!caddyPointFor(point, "/")) continue;
      for (const { name, value, span } of headers(point)) yield* check(name, value, span, context);
    }
    const routes = appRouteRules(facts);
    for (const route of routes) {
      if (!ruleTakes(route, "/", routes)) continue;
      for (const filter of yamlAt(route.rule, "filters")?.items ?? [])
        for (const key of ["set", "add"])
          for (const item of yamlAt(filter, "responseHeaderModifier", key)?.items ?? [])
            yield* check(yamlText(yamlAt(item, "name")) ?? "", yamlText(yamlAt(item, "value")) ?? "", item, context);
    }
  },
};

function* check(name: string, value: string, span: Span, context: Context): Generator<Hit> {
  const fix = "Delete it: the server sends its own, for the console and for every other answer.";
  if (name.toLowerCase() === "permissions-policy" && /\bmicrophone=\(\s*\)/.test(value))
    yield { span, message: "microphone=() takes the microphone from the console: recording fails", fix, ...context };
  if (name.toLowerCase() !== "content-security-policy") return;
  const parts = new Map(
    value
      .toLowerCase()
      .split(";")
      .map((part) => {
        const [directive = "", ...sources] = part.trim().split(/\s+/);
        return [directive, sources] as const;
      }),
  );
  const blocked = NEEDED.filter((directive) => {
    const sources = parts.get(directive) ?? parts.get("default-src");
    return (
      sources !== undefined &&
      !sources.some((source) => source === "*" || !/^(?:'(?!self')|data:|blob:|$)/.test(source))
    );
  });
  if (parts.has("sandbox") || blocked.length > 0)
    yield {
      span,
      message: `the policy allows the console no ${parts.has("sandbox") ? "script (sandbox)" : blocked.map((directive) => directive.replace("-src", "")).join(", ")} of its own: the page at / stays blank`,
      fix,
      ...context,
    };
}

/** Headers that Caddy sets on the answers to `/`. */
function headers(point: CaddyPoint): readonly { readonly name: string; readonly value: string; readonly span: Span }[] {
  const levels = [point.site.directives, ...point.around.map(({ block }) => block ?? [])];
  return levels.flat().flatMap((directive) => {
    const [first, ...rest] = directive.args;
    const matcher = first && isMatcher(first) ? first.value : undefined;
    if (
      directive.name !== "header" ||
      (matcher?.startsWith("/") === true && !isTakenBy({ ...point, paths: [matcher] }, "/"))
    )
      return [];
    const lines = directive.block ?? [{ ...directive, name: "", args: matcher === undefined ? directive.args : rest }];
    return lines.flatMap((line) => {
      const words = [line.name, ...line.args.map(({ value }) => value)].filter((word) => word !== "");
      // `-` deletes, `?` is for answers without one.
      return /^[-?]/.test(words[0] ?? "")
        ? []
        : [{ name: (words[0] ?? "").replace(/^[+>]/, ""), value: words.slice(1).join(" "), span: caddyHead(line) }];
    });
  });
}
