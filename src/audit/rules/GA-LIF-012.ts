import type { Rule } from "../types.ts";
import { appWorkloads } from "../model/facts.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlNumber } from "../parse/yaml.ts";
import { addYaml, ceilSeconds, replace, seconds } from "./kit.ts";
import { appContainer } from "./kube-kit.ts";

export const rule: Rule = {
  id: "GA-LIF-012",
  severity: "error",
  confidence: "certain",
  title: "The startup budget and the model's load time do not agree",
  why: "failureThreshold x periodSeconds of the startup probe is the time the pod has until it is ready. Shorter than model.loadTimeout, a slow disk puts the pod into an endless restart; longer than progressDeadlineSeconds, a good rollout is reported as failed.",
  evidence: ["kubernetes/website, Configure Liveness, Readiness and Startup Probes."],
  reads: ["kubernetes", "config"],
  fixKind: "safe",
  *check(facts) {
    const load = facts.assume.number("model.loadTimeout");
    const related = facts.assume.related("model.loadTimeout");
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      if (!container || workload.object.kind === "Job" || workload.object.kind === "CronJob") continue;
      const probe = yamlAt(container.node, "startupProbe");
      const live = yamlAt(container.node, "livenessProbe");
      if (!probe) {
        const delay = (yamlNumber(yamlAt(live, "initialDelaySeconds")) ?? 0) * 1000;
        if (!live || delay >= load) continue;
        const path = yamlAt(live, "httpGet", "path")?.text;
        if (path === "/health") continue; // answers while the model loads
        yield {
          span: yamlKey(container.node, "livenessProbe") ?? container.span,
          message: `there is no startupProbe, and the liveness probe begins ${seconds(delay)} after the start: a model that loads for up to ${seconds(load)} is killed`,
          fix: `Add a startupProbe on /ready with periodSeconds 5 and failureThreshold ${Math.ceil(load / 5000)}.`,
          related,
        };
        continue;
      }
      const period = yamlNumber(yamlAt(probe, "periodSeconds")) ?? 10;
      const threshold = yamlAt(probe, "failureThreshold");
      const budget =
        (yamlNumber(yamlAt(probe, "initialDelaySeconds")) ?? 0) * 1000 + period * 1000 * (yamlNumber(threshold) ?? 3);
      if (budget < load) {
        const want = Math.ceil(load / (period * 1000));
        const add = threshold ? undefined : addYaml(probe, `failureThreshold: ${want}`);
        yield {
          span: yamlEntrySpan(probe, "failureThreshold") ?? yamlKey(container.node, "startupProbe") ?? container.span,
          message: `the startup probe gives up after ${seconds(budget)}, but model.loadTimeout is ${seconds(load)}`,
          fix: `Set failureThreshold: ${want} at periodSeconds ${period}.`,
          edits: threshold ? [replace(threshold, String(want))] : add ? [add] : [],
          related,
        };
      }
      const spec = yamlAt(workload.object.node, "spec");
      const deadline = yamlAt(spec, "progressDeadlineSeconds");
      const limit = (yamlNumber(deadline) ?? 600) * 1000;
      if (workload.object.kind === "Deployment" && Math.max(budget, load) > limit) {
        const want = ceilSeconds(Math.max(budget, load)) + 300;
        const add = deadline || !spec ? undefined : addYaml(spec, `progressDeadlineSeconds: ${want}`);
        yield {
          span:
            (deadline ? yamlEntrySpan(spec, "progressDeadlineSeconds") : undefined) ??
            yamlKey(container.node, "startupProbe") ??
            container.span,
          message: `progressDeadlineSeconds ${deadline ? "is" : "is not set, so"} ${limit / 1000}, shorter than the ${seconds(Math.max(budget, load))} a start may take`,
          fix: `Set progressDeadlineSeconds: ${want}.`,
          edits: deadline ? [replace(deadline, String(want))] : add ? [add] : [],
          related,
        };
      }
    }
  },
};
