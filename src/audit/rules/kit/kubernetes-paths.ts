// Which path the server sees behind an Ingress or an HTTPRoute.
import type { Facts } from "../../model/facts.ts";
import { safeRegExp } from "../../model/nginx-points.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import type { Span } from "../../source.ts";
import { annotation, appIngresses, appRouteRules, isNginxIngress } from "./kubernetes.ts";

export interface SeenPath {
  readonly span: Span;
  /** What the client asks for. */
  readonly asked: string;
  readonly seen: string;
  readonly fix: string;
}

/** Returns `route` as each path of the server's Ingresses passes it on; a path of the server's own beside it says nothing. */
export function* ingressPaths(facts: Facts, route: string, served: readonly string[]): Generator<SeenPath> {
  for (const ingress of appIngresses(facts)) {
    if (!isNginxIngress(ingress)) continue;
    const target = annotation(ingress, "nginx.ingress.kubernetes.io/rewrite-target");
    for (const node of (yamlAt(ingress.node, "spec", "rules")?.items ?? []).flatMap(
      (rule) => yamlAt(rule, "http", "paths")?.items ?? [],
    )) {
      const pattern = yamlText(yamlAt(node, "path")) ?? "/";
      const prefix = (/^\/?[\w/-]*/.exec(pattern)?.[0] ?? "").replace(/\/$/, "");
      // `/v1/ws` of its own: the pattern holds the route already.
      const asked = route.startsWith(prefix) ? route : prefix + route;
      const match = safeRegExp(`^${pattern}`, true)?.exec(asked);
      if (!match || isServed(prefix, asked, served)) continue;
      yield {
        span: target?.node ?? yamlAt(node, "path") ?? node,
        asked,
        seen: target ? target.text.replace(/\$(\d)/g, (_, n: string) => match[Number(n)] ?? "") : asked,
        fix:
          prefix === ""
            ? "Delete rewrite-target: the server's own paths need no rewrite."
            : `Write \`path: ${prefix}(/|$)(.*)\` with \`nginx.ingress.kubernetes.io/use-regex: "true"\` and \`rewrite-target: /$2\`.`,
      };
    }
  }
}

/** Returns `route` as each rule of the server's HTTPRoutes passes it on. */
export function* routePaths(facts: Facts, route: string, served: readonly string[]): Generator<SeenPath> {
  for (const { rule, paths } of appRouteRules(facts)) {
    const filter = (yamlAt(rule, "filters")?.items ?? []).find(
      (item) => yamlText(yamlAt(item, "type")) === "URLRewrite",
    );
    const rewrite = yamlAt(filter, "urlRewrite", "path");
    for (const { type, value } of paths) {
      if (type !== "PathPrefix") continue;
      const prefix = value.replace(/\/$/, "");
      const asked = route.startsWith(prefix) ? route : prefix + route;
      if (isServed(prefix, asked, served)) continue;
      const replaced = yamlText(yamlAt(rewrite, "replacePrefixMatch"));
      const seen =
        replaced === undefined
          ? (yamlText(yamlAt(rewrite, "replaceFullPath")) ?? asked)
          : `${replaced.replace(/\/$/, "")}${asked.slice(prefix.length)}`;
      yield {
        span: rewrite ?? yamlAt(rule, "matches") ?? rule,
        asked,
        seen,
        fix: "Add the filter `URLRewrite` with `path: {type: ReplacePrefixMatch, replacePrefixMatch: /}`.",
      };
    }
  }
}

// ---

/** A prefix that is the beginning of another route than the one asked for, such as `/console`. */
function isServed(prefix: string, asked: string, served: readonly string[]): boolean {
  return !served.includes(asked) && served.some((path) => path === prefix || path.startsWith(`${prefix}/`));
}
