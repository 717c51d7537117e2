import type { Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appWorkloads } from "../../model/facts.ts";
import { selects, stringMap } from "../../model/kubernetes.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlStrings, yamlText, yamlKey } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";

export const rule: Rule = {
  id: "GA-SBX-005",
  severity: "warning",
  confidence: "likely",
  title: "The pod can reach the Kubernetes API and the internet",
  why: "The server never calls the Kubernetes API, yet by default every pod gets a token for it. Without a NetworkPolicy any pod of the cluster reaches the server past the gateway, and the server reaches the internet although its model lies on the disk.",
  evidence: ["trivy KSV-0036", "kube-linter non-isolated-pod"],
  reads: ["kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    for (const workload of appWorkloads(facts)) {
      const account = yamlText(yamlAt(workload.pod, "serviceAccountName"));
      const accountObject = facts.kube.find((object) => object.kind === "ServiceAccount" && object.name === account);
      const token = yamlAt(workload.pod, "automountServiceAccountToken");
      if (
        yamlBoolean(token) === true ||
        (!token && yamlBoolean(yamlAt(accountObject?.node, "automountServiceAccountToken")) !== false)
      ) {
        const add = token ? undefined : addYaml(workload.pod, "automountServiceAccountToken: false");
        yield {
          span:
            yamlEntrySpan(workload.pod, "automountServiceAccountToken") ??
            yamlAt(workload.object.node, "metadata", "name") ??
            workload.object.node,
          message: "the pod gets a token for the API server, which the server never calls",
          fix: "Set `automountServiceAccountToken: false`.",
          edits: token ? [replace(token, "false")] : add ? [add] : [],
          confidence: "certain",
        };
      }
      const policies = facts.kube.filter(
        (object) =>
          object.kind === "NetworkPolicy" &&
          (object.namespace === workload.object.namespace ||
            object.namespace === "" ||
            workload.object.namespace === ""),
      );
      const covering = policies.filter((object) => {
        const selector = yamlAt(object.node, "spec", "podSelector");
        const labels = stringMap(yamlAt(selector, "matchLabels"));
        return (labels.size === 0 && !yamlAt(selector, "matchExpressions")) || selects(labels, workload.podLabels);
      });
      const name = yamlAt(workload.object.node, "metadata", "name") ?? workload.object.node;
      const listed = covering.flatMap((object) => {
        const named = yamlStrings(yamlAt(object.node, "spec", "policyTypes")).map((item) => item.text);
        if (named.length > 0) return named;
        return yamlAt(object.node, "spec", "egress") ? ["Ingress", "Egress"] : ["Ingress"];
      });
      for (const object of covering) {
        for (const entry of yamlAt(object.node, "spec", "ingress")?.items ?? []) {
          const from = yamlAt(entry, "from");
          if (from && from.items.length > 0) continue;
          yield {
            span: yamlKey(entry, "from") ?? yamlKey(yamlAt(object.node, "spec"), "ingress") ?? entry,
            message: "the policy lets in every pod of the cluster: a rule without `from` is open to all",
            fix: "Name the gateway's namespace in `from`.",
          };
        }
      }
      const types = new Set(listed);
      if (!types.has("Ingress"))
        yield {
          span: name,
          message: "no NetworkPolicy selects the pod: every pod of the cluster reaches it past the gateway",
          fix: "Add a NetworkPolicy that allows only the gateway's namespace (`gigastt render kubernetes`).",
          severity: "note",
        };
      else if (!types.has("Egress") && isOffline(facts))
        yield {
          span: yamlKey(yamlAt(covering[0]?.node, "spec"), "policyTypes") ?? covering[0]?.node ?? name,
          message: "the model is local (model.offline), but the policy leaves the way out open",
          fix: "Add `Egress` to policyTypes with an empty `egress` list.",
          related: facts.assume.related("model.offline"),
        };
    }
  },
};

/** The model is local: the config says so, or the copy of it that the pod reads. */
function isOffline(facts: Facts): boolean {
  return (
    facts.assume.flag("model.offline") ||
    facts.kube.some(
      (object) =>
        object.kind === "ConfigMap" &&
        [...(yamlAt(object.node, "data")?.entries.values() ?? [])].some((entry) =>
          /^\s+offline: true$/m.test(entry.value.text),
        ),
    )
  );
}
