import type { Hit, Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appServices, appUnits, appWorkloads } from "../../model/facts.ts";
import { composeDurationMs } from "../../model/compose.ts";
import { parseUnitTimeMs } from "../../parse/systemd.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlNumber } from "../../parse/yaml.ts";
import { addUnit, addYaml, replace } from "../kit/edits.ts";
import { ceilSeconds, seconds } from "../kit/wording.ts";
import { appContainer } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-LIF-012",
  severity: "error",
  confidence: "certain",
  title: "The startup budget and the model's load time do not agree",
  why: "failureThreshold x periodSeconds of the startup probe is the time the pod has until it is ready. Shorter than model.loadTimeout, a slow disk puts the pod into an endless restart; longer than progressDeadlineSeconds, a good rollout is reported as failed.",
  evidence: ["kubernetes/website, Configure Liveness, Readiness and Startup Probes."],
  reads: ["kubernetes", "systemd", "compose", "dockerfile", "config"],
  fixKind: "safe",
  *check(facts) {
    const load = facts.assume.number("model.loadTimeout");
    const related = facts.assume.related("model.loadTimeout");
    yield* outside(facts, load);
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
          message: `no startupProbe, and the liveness probe begins ${seconds(delay)} after the start: a model that loads for up to ${seconds(load)} is killed`,
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

/** systemd's patience, and that of health checks of containers. */
function* outside(facts: Facts, load: number): Generator<Hit> {
  const related = facts.assume.related("model.loadTimeout");
  for (const unit of appUnits(facts)) {
    if (!unit.base || unit.get("Service", "Type")?.value.startsWith("notify") !== true) continue;
    const entry = unit.get("Service", "TimeoutStartSec") ?? unit.get("Service", "TimeoutSec");
    const ms = entry ? parseUnitTimeMs(entry.value) : 90_000;
    if (ms === undefined || ms === 0 || ms >= load) continue;
    const want = ceilSeconds(load) + 40;
    yield {
      span: entry ?? unit.get("Service", "Type") ?? unit.span,
      message: `systemd waits ${entry ? entry.value : "90s (default)"} for READY=1 and then kills the unit, but model.loadTimeout is ${seconds(load)}`,
      fix: `Set \`TimeoutStartSec=${want}\`.`,
      edits: [entry ? replace(entry, `TimeoutStartSec=${want}`) : addUnit(unit.span, `TimeoutStartSec=${want}`)],
      related,
    };
  }
  for (const service of appServices(facts)) {
    const check = yamlAt(service.node, "healthcheck");
    if (!check || !yamlAt(check, "test")) continue;
    const duration = (key: string, otherwise: number): number => {
      const node = yamlAt(check, key);
      return node ? (composeDurationMs(service.project.text(node)) ?? otherwise) : otherwise;
    };
    const retries = yamlNumber(yamlAt(check, "retries")) ?? 3;
    const budget = duration("start_period", 0) + retries * duration("interval", 30_000);
    if (budget >= load) continue;
    const start = yamlAt(check, "start_period");
    const add = start ? undefined : addYaml(check, `start_period: ${ceilSeconds(load)}s`);
    yield {
      span: yamlEntrySpan(check, "start_period") ?? yamlKey(service.node, "healthcheck") ?? service.nameSpan,
      message: `the health check calls ${service.name} unhealthy ${seconds(budget)} after its start, but model.loadTimeout is ${seconds(load)}: what waits for it gives up`,
      fix: `Set \`start_period: ${ceilSeconds(load)}s\`.`,
      edits: start ? [replace(start, `${ceilSeconds(load)}s`)] : add ? [add] : [],
      related,
      severity: "warning",
    };
  }
  for (const file of facts.dockerfiles) {
    const check = file.stages.at(-1)?.instructions.findLast((item) => item.name === "HEALTHCHECK");
    if (!check || check.value === "NONE" || !/gigastt/i.test(file.source.text)) continue;
    const flag = (name: string, otherwise: number): number => composeDurationMs(check.flags[name]) ?? otherwise;
    const budget = flag("start-period", 0) + Number(check.flags["retries"] ?? 3) * flag("interval", 30_000);
    if (budget >= load) continue;
    yield {
      span: check,
      message: `the health check calls the container unhealthy ${seconds(budget)} after its start, but model.loadTimeout is ${seconds(load)}`,
      fix: `Set \`--start-period=${ceilSeconds(load)}s\`.`,
      related,
      severity: "warning",
    };
  }
}
