import type { Rule } from "../../types.ts";
import { appWorkloads } from "../../model/facts.ts";
import { yamlAt, yamlEntrySpan, yamlNumber } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";
import { appContainer, preStop } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-LIF-001",
  severity: "error",
  confidence: "certain",
  title: "Kubernetes kills the pod before the drain is over",
  why: "terminationGracePeriodSeconds starts before the preStop hook, so the hook's pause is taken out of it. What is left must hold the server's drain plus 5 s; otherwise SIGKILL cuts live sessions and their final results are lost.",
  evidence: [
    "kubernetes/website pod-lifecycle.md: the countdown begins before the PreStop hook.",
    "spring-projects/spring-boot#26469",
  ],
  reads: ["kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    const ours = new Set(appWorkloads(facts));
    for (const workload of facts.workloads) {
      const node = yamlAt(workload.pod, "terminationGracePeriodSeconds");
      const grace = (yamlNumber(node) ?? 30) * 1000;
      const container = appContainer(facts, workload);
      const assume = container ? facts.assumeFor(container) : facts.assume;
      const drain = assume.number("shutdown.drain");
      const hook = container
        ? preStop(container)
        : workload.containers.map((item) => preStop(item)).find((item) => item !== undefined);
      const pause = hook?.ms ?? 0;
      const need = ours.has(workload) ? pause + drain + 5000 : pause + 1000;
      if (grace >= need || (!ours.has(workload) && !hook)) continue;
      const want = Math.ceil(ceilSeconds(need) / 5) * 5 + 5;
      const add = node ? undefined : addYaml(workload.pod, `terminationGracePeriodSeconds: ${want}`);
      yield {
        span: yamlEntrySpan(workload.pod, "terminationGracePeriodSeconds") ?? container?.span ?? workload.object.node,
        message: ours.has(workload)
          ? `terminationGracePeriodSeconds ${node ? "is" : "is not set, so"} ${grace / 1000}, but preStop ${seconds(pause)} + shutdown.drain ${seconds(drain)} + 5s margin need ${seconds(need)}`
          : `preStop pauses ${seconds(pause)} of a grace period of ${seconds(grace)}: nothing is left for the shutdown itself`,
        fix: `Set terminationGracePeriodSeconds: ${want}.`,
        edits: node ? [replace(node, String(want))] : add ? [add] : [],
        related: [
          ...assume.related("shutdown.drain"),
          ...(hook ? [{ span: hook.node, message: `preStop pauses ${seconds(pause)}` }] : []),
        ],
      };
    }
  },
};
