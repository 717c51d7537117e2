import type { Facts } from "../../model/facts.ts";
import { ALL_ROUTES, samplePath } from "../../../shared/protocol.ts";

import type { KubeContainer, KubeObject, KubeWorkload } from "../../model/kubernetes.ts";
import { selects, stringMap } from "../../model/kubernetes.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlNumber, yamlStrings, yamlText } from "../../parse/yaml.ts";

/** The server's container of a workload. */
export function appContainer(facts: Facts, workload: KubeWorkload): KubeContainer | undefined {
  return workload.containers.find((container) => facts.app.isContainer(container));
}

/** Services that select a workload's pods. */
export function servicesOf(facts: Facts, workload: KubeWorkload): readonly KubeObject[] {
  return facts.kube.filter(
    (object) =>
      object.kind === "Service" && selects(stringMap(yamlAt(object.node, "spec", "selector")), workload.podLabels),
  );
}

/** Pause of a container's preStop hook: native sleep, or `sleep N` in an exec. */
export function preStop(
  container: KubeContainer,
): { readonly ms: number; readonly node: YamlNode; readonly native: boolean } | undefined {
  const hook = yamlAt(container.node, "lifecycle", "preStop");
  const native = yamlAt(hook, "sleep", "seconds");
  if (native) return { ms: (yamlNumber(native) ?? 0) * 1000, node: native, native: true };
  const command = yamlAt(hook, "exec", "command");
  const match = /(?:^|\s|;)sleep\s+(\d+(?:\.\d+)?)/.exec(
    yamlStrings(command)
      .map((item) => item.text)
      .join(" "),
  );
  return command && match ? { ms: Number(match[1]) * 1000, node: command, native: false } : undefined;
}

/** Ingress objects whose backend is one of the server's Services. */
export function appIngresses(facts: Facts): readonly KubeObject[] {
  return facts.kube.filter((object) => {
    if (object.kind !== "Ingress") return false;
    const names = [
      yamlText(yamlAt(object.node, "spec", "defaultBackend", "service", "name")),
      ...(yamlAt(object.node, "spec", "rules")?.items ?? []).flatMap((rule) =>
        (yamlAt(rule, "http", "paths")?.items ?? []).map((path) =>
          yamlText(yamlAt(path, "backend", "service", "name")),
        ),
      ),
    ];
    return (
      isAppBackend(facts, names) ||
      (yamlAt(object.node, "spec", "rules")?.items ?? []).some((rule) =>
        (yamlAt(rule, "http", "paths")?.items ?? []).some(
          (path) =>
            yamlNumber(yamlAt(path, "backend", "service", "port", "number")) === facts.assume.number("server.port"),
        ),
      )
    );
  });
}

export interface RouteRule {
  readonly route: KubeObject;
  readonly rule: YamlNode;
  /** Path values of the matches; `/` when there is none. */
  readonly paths: readonly { readonly type: string; readonly value: string }[];
}

/** Rules of HTTPRoutes that lead to the server. */
export function appRouteRules(facts: Facts): readonly RouteRule[] {
  return facts.kube
    .filter((object) => object.kind === "HTTPRoute")
    .flatMap((route) =>
      (yamlAt(route.node, "spec", "rules")?.items ?? []).flatMap((rule): RouteRule[] => {
        const backends = yamlAt(rule, "backendRefs")?.items ?? [];
        const names = backends.map((ref) => yamlText(yamlAt(ref, "name")));
        const ports = backends.map((ref) => yamlNumber(yamlAt(ref, "port")));
        if (!isAppBackend(facts, names) && !ports.includes(facts.assume.number("server.port"))) return [];
        const matches = (yamlAt(rule, "matches")?.items ?? []).map((match) => ({
          type: yamlText(yamlAt(match, "path", "type")) ?? "PathPrefix",
          value: yamlText(yamlAt(match, "path", "value")) ?? "/",
        }));
        return [{ route, rule, paths: matches.length > 0 ? matches : [{ type: "PathPrefix", value: "/" }] }];
      }),
    );
}

/** Whether a route rule takes a path; a more specific rule of the same route takes it first. */
export function ruleTakes(rule: RouteRule, path: string, all: readonly RouteRule[]): boolean {
  const length = best(rule, path);
  return (
    length >= 0 && !all.some((other) => other !== rule && other.route === rule.route && best(other, path) > length)
  );
}

function best(rule: RouteRule, path: string): number {
  return Math.max(
    -1,
    ...rule.paths.map((match) => {
      if (match.type === "Exact") return match.value === path ? 10_000 : -1;
      const prefix = match.value.replace(/\/$/, "");
      // None of the server's own paths: it is mounted there, with all of them below it.
      if (prefix !== "" && !ALL_ROUTES.some((route) => samplePath(route).startsWith(prefix))) return prefix.length;
      return path === prefix || path.startsWith(`${prefix}/`) ? prefix.length : -1;
    }),
  );
}

function isAppBackend(facts: Facts, names: readonly (string | undefined)[]): boolean {
  return names.some(
    (name) => name !== undefined && (facts.app.names.has(name.toLowerCase()) || facts.app.isUpstream([], name)),
  );
}

export function annotation(
  object: KubeObject,
  name: string,
): { readonly text: string; readonly node: YamlNode } | undefined {
  const node = yamlAt(object.node, "metadata", "annotations", name);
  const text = yamlText(node);
  return node && text !== undefined ? { text, node } : undefined;
}

/** Whether the Ingress is read by ingress-nginx; without a class it may be. */
export function isNginxIngress(ingress: KubeObject): boolean {
  const name =
    yamlText(yamlAt(ingress.node, "spec", "ingressClassName")) ??
    annotation(ingress, "kubernetes.io/ingress.class")?.text ??
    "nginx";
  return name.includes("nginx");
}
