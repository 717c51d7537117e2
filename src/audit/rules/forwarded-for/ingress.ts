import type { Rule } from "../../types.ts";
import type { Edit } from "../../parts.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import { replace } from "../kit/edits.ts";
import { yamlAt, yamlEntrySpan, yamlNumber, yamlText } from "../../parse/yaml.ts";
import { isEveryone } from "../../model/address.ts";

export const rule: Rule = {
  id: "GA-XFF-009",
  severity: "error",
  confidence: "likely",
  title: "The ingress keeps address headers that clients can forge",
  why: "ingress-nginx overwrites X-Forwarded-For by default. compute-full-forwarded-for appends to it, and use-forwarded-headers trusts it from any client unless proxy-real-ip-cidr limits that: clients then choose their own address.",
  evidence: [
    "ingress-nginx configmap.md, use-forwarded-headers and compute-full-forwarded-for.",
    "Envoy's numTrustedHops counts from the right: one hop too many is the client's own text.",
  ],
  reads: ["kubernetes"],
  fixKind: "unsafe",
  *check(facts) {
    for (const object of facts.kube) {
      const data = object.kind === "ConfigMap" ? yamlAt(object.node, "data") : undefined;
      const cidr = yamlText(yamlAt(data, "proxy-real-ip-cidr"));
      const limited = cidr !== undefined && !cidr.split(",").some((range) => isEveryone(range.trim()));
      for (const key of ["compute-full-forwarded-for", "use-forwarded-headers"]) {
        if (yamlText(yamlAt(data, key)) !== "true" || (limited && key === "use-forwarded-headers")) continue;
        yield {
          span: yamlEntrySpan(data, key) ?? object.node,
          message:
            key === "use-forwarded-headers"
              ? 'use-forwarded-headers: "true" without proxy-real-ip-cidr trusts every client'
              : 'compute-full-forwarded-for: "true" appends to what the client sent',
          fix: "Remove the key; behind a load balancer of your own set proxy-real-ip-cidr to its addresses.",
          edits: turnOff(yamlAt(data, key)),
        };
      }
      const policy =
        object.kind === "ClientTrafficPolicy"
          ? yamlAt(object.node, "spec", "clientIPDetection", "xForwardedFor")
          : undefined;
      const hops = yamlNumber(yamlAt(policy, "numTrustedHops"));
      if (hops !== undefined && hops > 0) {
        yield {
          span: yamlEntrySpan(policy, "numTrustedHops") ?? object.node,
          message: `numTrustedHops: ${hops} takes the client address from X-Forwarded-For: right only with exactly ${hops} own proxies in front`,
          fix: "Use trustedCIDRs with the addresses of the proxies in front, or remove it when clients connect directly.",
          confidence: "needs-context",
        };
      }
    }
  },
};

function turnOff(node: YamlNode | undefined): readonly Edit[] {
  return node ? [replace(node, '"false"')] : [];
}
