import type { Facts } from "../../model/facts.ts";
import type { Rule } from "../../types.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { yamlAt, yamlEntrySpan, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { appIngresses, appRouteRules } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-TLS-006",
  severity: "warning",
  confidence: "likely",
  title: "The route or Ingress also answers without TLS",
  why: "A route without sectionName is attached to every listener of its Gateway, the plain one too, and an Ingress answers plain HTTP for hosts that its tls section does not name (or with the controller's own self-signed certificate): passwords and audio travel in clear.",
  evidence: [
    "Gateway API, ParentReference: without sectionName the reference is to the whole Gateway.",
    "Kubernetes, Ingress: TLS applies to the hosts that are listed under tls.",
  ],
  reads: ["kubernetes"],
  fixKind: "manual",
  *check(facts) {
    // TLS ends in front of the cluster, as the config says.
    if (facts.assume.text("deploy.tls.mode") === "none") return;
    for (const route of new Set(appRouteRules(facts).map((item) => item.route)))
      for (const parent of yamlAt(route.node, "spec", "parentRefs")?.items ?? []) {
        if (yamlAt(parent, "sectionName") || yamlAt(parent, "port")) continue;
        const name = yamlText(yamlAt(parent, "name"));
        const plain = plainListener(facts, name);
        if (plain === false) continue;
        yield {
          span: yamlEntrySpan(parent, "name") ?? parent,
          message: `the route is attached to every listener of the Gateway ${name}${plain === undefined ? ", also to one without TLS if it has one" : ", also to the one without TLS"}`,
          fix: "Name the listener with TLS: `sectionName: https`.",
          ...(plain === undefined
            ? { severity: "note" as const, confidence: "needs-context" as const }
            : { related: [{ span: plain, message: "the listener without TLS" }] }),
        };
      }
    for (const ingress of appIngresses(facts)) {
      const secured = (yamlAt(ingress.node, "spec", "tls")?.items ?? []).flatMap((item) =>
        yamlStrings(yamlAt(item, "hosts")).map(({ text }) => text),
      );
      for (const item of yamlAt(ingress.node, "spec", "rules")?.items ?? []) {
        const host = yamlText(yamlAt(item, "host"));
        if (host === undefined || secured.some((name) => covers(name, host))) continue;
        yield {
          span: yamlEntrySpan(item, "host") ?? item,
          message: `no tls entry names ${host}: it is answered without TLS, or with a certificate that clients do not trust`,
          fix: `Add \`tls: [{ hosts: [${host}], secretName: … }]\`; if a load balancer in front ends TLS, say so in an ignore.`,
        };
      }
    }
  },
};

// ---

/** The plain listener of a Gateway in these files; false when it has none, undefined when the Gateway is not here. */
function plainListener(facts: Facts, name: string | undefined): YamlNode | false | undefined {
  const gateway = facts.kube.find((object) => object.kind === "Gateway" && object.name === name);
  if (!gateway) return undefined;
  const listeners = yamlAt(gateway.node, "spec", "listeners")?.items ?? [];
  return listeners.find((item) => yamlText(yamlAt(item, "protocol")) === "HTTP") ?? false;
}

function covers(pattern: string, host: string): boolean {
  return pattern === host || (pattern.startsWith("*.") && host.slice(host.indexOf(".")) === pattern.slice(1));
}
