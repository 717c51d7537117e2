import type { Rule } from "../../types.ts";
import { appWorkloads } from "../../model/facts.ts";
import { selects, stringMap } from "../../model/kubernetes.ts";
import { yamlAt, yamlEntrySpan, yamlNumber, yamlText } from "../../parse/yaml.ts";
import { addYaml, removeLines, replace } from "../kit/edits.ts";
import { seconds } from "../kit/wording.ts";

export const rule: Rule = {
  id: "GA-LIF-016",
  severity: "warning",
  confidence: "certain",
  title: "Disruption budget or autoscaler works against the sessions",
  why: "A budget that allows no eviction blocks every node drain for good. `replicas` beside an autoscaler resets its work on every apply. Scale-down ends pods with live sessions: it must be slow, and never faster than one drain at a time.",
  evidence: [
    "kube-linter pdb-min-available",
    "kube-score deployment-targeted-by-hpa-does-not-have-replicas-configured",
    "KEDA, long-running executions",
  ],
  reads: ["kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appWorkloads(facts));
    for (const workload of ours) {
      if (workload.object.kind !== "Deployment") continue;
      const rolling = yamlAt(workload.object.node, "spec", "strategy", "rollingUpdate");
      const away = yamlAt(rolling, "maxUnavailable");
      const replicas = yamlNumber(yamlAt(workload.object.node, "spec", "replicas")) ?? 1;
      const text = yamlText(away) ?? "";
      const count = text.endsWith("%") ? Math.floor((replicas * Number(text.slice(0, -1))) / 100) : Number(text);
      if (!away || !(count > 0 && count >= replicas)) continue;
      yield {
        span: yamlEntrySpan(rolling, "maxUnavailable") ?? away,
        message: `maxUnavailable ${text} of ${replicas} replica${replicas === 1 ? "" : "s"}: every rollout takes the service down until a model is loaded`,
        fix: "Set `maxSurge: 1` and `maxUnavailable: 0`.",
        edits: [replace(away, "0")],
      };
    }
    for (const workload of ours) {
      const node = yamlAt(workload.object.node, "spec", "replicas");
      const replicas = yamlNumber(node) ?? 1;
      const isGuarded = facts.kube.some(
        (object) =>
          object.kind === "PodDisruptionBudget" &&
          selects(stringMap(yamlAt(object.node, "spec", "selector", "matchLabels")), workload.podLabels),
      );
      if (node === undefined || replicas < 2 || isGuarded) continue;
      yield {
        span: yamlEntrySpan(yamlAt(workload.object.node, "spec"), "replicas") ?? node,
        message: `${replicas} replicas without a PodDisruptionBudget: draining nodes may end the sessions of all of them at once`,
        fix: "Add a PodDisruptionBudget with `maxUnavailable: 1` and `unhealthyPodEvictionPolicy: AlwaysAllow`.",
        severity: "note",
        confidence: "likely",
      };
    }
    for (const object of facts.kube) {
      if (object.kind === "PodDisruptionBudget") {
        const spec = yamlAt(object.node, "spec");
        const workload = facts.workloads.find((item) =>
          selects(stringMap(yamlAt(spec, "selector", "matchLabels")), item.podLabels),
        );
        const replicas = yamlNumber(yamlAt(workload?.object.node, "spec", "replicas")) ?? 1;
        const minimum = yamlAt(spec, "minAvailable");
        const maximum = yamlAt(spec, "maxUnavailable");
        const blocks =
          yamlText(maximum) === "0" ||
          yamlText(maximum) === "0%" ||
          yamlText(minimum) === "100%" ||
          (workload !== undefined &&
            (yamlNumber(minimum) ?? 0) >= replicas &&
            minimum !== undefined &&
            !yamlText(minimum)?.endsWith("%"));
        const policy = yamlAt(spec, "unhealthyPodEvictionPolicy");
        if (workload && ours.has(workload) && yamlText(policy) !== "AlwaysAllow")
          yield {
            span:
              yamlEntrySpan(spec, "unhealthyPodEvictionPolicy") ??
              yamlEntrySpan(spec, minimum ? "minAvailable" : "maxUnavailable") ??
              object.node,
            message:
              "a pod that still loads its model, or never gets ready, counts against the budget and blocks the drain of its node",
            fix: "Set `unhealthyPodEvictionPolicy: AlwaysAllow`.",
            edits: policy
              ? [replace(policy, "AlwaysAllow")]
              : spec
                ? [addYaml(spec, "unhealthyPodEvictionPolicy: AlwaysAllow")].filter((edit) => edit !== undefined)
                : [],
            severity: "note",
          };
        if (blocks) {
          yield {
            span: yamlEntrySpan(spec, minimum ? "minAvailable" : "maxUnavailable") ?? object.node,
            message: `the budget allows no eviction${workload ? ` of ${workload.object.name} (${replicas} replica${replicas === 1 ? "" : "s"})` : ""}: draining a node never ends`,
            fix: "Write `maxUnavailable: 1`.",
            edits: minimum
              ? [replace(yamlEntrySpan(spec, "minAvailable") ?? minimum, "maxUnavailable: 1")]
              : maximum
                ? [replace(maximum, "1")]
                : [],
          };
        }
      }
      if (object.kind !== "HorizontalPodAutoscaler" && object.kind !== "ScaledObject") continue;
      const target = yamlText(yamlAt(object.node, "spec", "scaleTargetRef", "name"));
      const workload = facts.workloads.find(
        (item) => item.object.name === target && item.object.namespace === object.namespace,
      );
      const replicas = yamlEntrySpan(yamlAt(workload?.object.node, "spec"), "replicas");
      if (workload && replicas) {
        yield {
          span: replicas,
          message: `replicas is set while ${object.kind} ${object.name} scales this workload: every apply resets it`,
          fix: "Delete `replicas`.",
          edits: [removeLines(replicas)],
          related: [{ span: object.node, message: "the autoscaler" }],
        };
      }
      if (!workload || !ours.has(workload) || object.kind !== "HorizontalPodAutoscaler") continue;
      const down = yamlAt(object.node, "spec", "behavior", "scaleDown");
      const policies = yamlAt(down, "policies")?.items ?? [];
      // Kubernetes allows half an hour as a policy's period.
      const drain = Math.min(facts.assume.number("shutdown.drain"), 1_800_000);
      const window = yamlNumber(yamlAt(down, "stabilizationWindowSeconds")) ?? 300;
      const hasty = policies.flatMap((policy) => {
        if (yamlText(yamlAt(policy, "type")) === "Percent") return [yamlEntrySpan(policy, "type") ?? policy];
        if ((yamlNumber(yamlAt(policy, "value")) ?? 1) > 1) return [yamlEntrySpan(policy, "value") ?? policy];
        return (yamlNumber(yamlAt(policy, "periodSeconds")) ?? 15) * 1000 < drain
          ? [yamlEntrySpan(policy, "periodSeconds") ?? policy]
          : [];
      });
      const quick = policies.length === 0 || hasty.length > 0;
      if (!quick && window >= 300) continue;
      yield {
        span:
          hasty[0] ??
          (quick ? undefined : yamlEntrySpan(down, "stabilizationWindowSeconds")) ??
          yamlEntrySpan(yamlAt(object.node, "spec", "behavior"), "scaleDown") ??
          yamlAt(object.node, "metadata", "name") ??
          object.node,
        message: quick
          ? `scale-down may end several pods within one drain of ${seconds(drain)}`
          : `scale-down looks back only ${window}s: a short lull ends pods with live sessions`,
        fix: "Set `behavior.scaleDown: {stabilizationWindowSeconds: 600, policies: [{type: Pods, value: 1, periodSeconds: 60}]}`.",
        related: facts.assume.related("shutdown.drain"),
      };
    }
  },
};
