import type { Rule } from "../../types.ts";
import { yamlAt, yamlText } from "../../parse/yaml.ts";
import { annotation } from "../kit/kubernetes.ts";
import { removeLines } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-DRF-002",
  severity: "note",
  confidence: "certain",
  title: "An option or a program that is no longer maintained",
  why: "Compose ignores `version:` and warns about it. ingress-nginx had its last release in March 2026: no more security fixes.",
  evidence: ["compose-go loader.go: the attribute `version` is obsolete.", "kubernetes/ingress-nginx README"],
  reads: ["compose", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    for (const project of facts.compose) {
      const entry = project.topVersion;
      if (!entry || entry.value.kind !== "scalar") continue;
      const span = { source: entry.key.source, start: entry.key.start, end: Math.max(entry.key.end, entry.value.end) };
      yield {
        span,
        message: "`version:` is obsolete: Compose ignores it and warns",
        fix: "Delete the line.",
        edits: [removeLines(span)],
      };
    }
    for (const object of facts.kube) {
      if (
        object.kind === "IngressClass" &&
        yamlText(yamlAt(object.node, "spec", "controller")) === "k8s.io/ingress-nginx"
      ) {
        yield {
          span: yamlAt(object.node, "spec", "controller") ?? object.node,
          message: "ingress-nginx was retired in March 2026",
          fix: "Move to the Gateway API (`deploy.kubernetes.route: gateway`).",
        };
      }
      if (object.kind !== "Ingress") continue;
      const name =
        yamlAt(object.node, "spec", "ingressClassName") ?? annotation(object, "kubernetes.io/ingress.class")?.node;
      const uses = [...(yamlAt(object.node, "metadata", "annotations")?.entries.keys() ?? [])].some((key) =>
        key.startsWith("nginx.ingress.kubernetes.io/"),
      );
      if (!name || (yamlText(name) !== "nginx" && !uses)) continue;
      yield {
        span: name,
        message: "the Ingress is served by ingress-nginx, which was retired in March 2026",
        fix: "Move to an HTTPRoute of the Gateway API (`deploy.kubernetes.route: gateway`).",
      };
    }
  },
};
