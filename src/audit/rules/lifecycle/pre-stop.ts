import type { Rule } from "../../types.ts";
import type { Facts } from "../../model/facts.ts";
import { appWorkloads } from "../../model/facts.ts";
import { isBelow } from "../../model/versions.ts";
import { yamlAt, yamlEntrySpan } from "../../parse/yaml.ts";
import { addYaml, replace } from "../kit/edits.ts";
import { ceilSeconds } from "../kit/wording.ts";
import { appContainer, preStop, servicesOf } from "../kit/kubernetes.ts";

export const rule: Rule = {
  id: "GA-LIF-002",
  severity: "warning",
  confidence: "likely",
  title: "No pause before SIGTERM, or one that needs a shell",
  why: "Removing the pod from the endpoints and sending SIGTERM happen at the same time; for some seconds new connections still arrive at a server that refuses them. A preStop pause bridges that. `exec: sleep` fails on images without a shell; the native sleep (on by default since 1.30) does not.",
  evidence: ["KEP-3960", "spring-projects/spring-boot#48936"],
  reads: ["kubernetes"],
  fixKind: "safe",
  *check(facts) {
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      if (!container || workload.object.kind === "Job" || workload.object.kind === "CronJob") continue;
      // A worker has no clients.
      if (facts.assumeFor(container).text("jobs.role") === "worker") continue;
      const hook = preStop(container);
      const any = yamlAt(container.node, "lifecycle", "preStop");
      const pause = ceilSeconds(facts.assume.number("deploy.kubernetes.preStop")) || 10;
      if (!any) {
        const service = servicesOf(facts, workload)[0];
        const add = yamlAt(container.node, "lifecycle")
          ? undefined
          : addYaml(container.node, `lifecycle: {preStop: {sleep: {seconds: ${pause}}}}`);
        yield {
          span: container.span,
          message: `container ${container.name} has no preStop pause: connections still arrive while it already refuses them`,
          fix: `Add \`lifecycle: {preStop: {sleep: {seconds: ${pause}}}}\` and count it into the grace period.`,
          edits: add ? [add] : [],
          related: service ? [{ span: service.node, message: "this Service sends it traffic" }] : [],
        };
      } else if (hook && hook.ms < leastPause(facts)) {
        yield {
          span: hook.node,
          message: `the preStop pause is ${hook.ms / 1000}s: proxies hear of the pod's end later than that and still send it requests`,
          fix: `Write \`sleep: {seconds: ${pause}}\`.`,
          edits: hook.native ? [replace(hook.node, String(pause))] : [],
          related: facts.assume.related("deploy.kubernetes.preStop"),
        };
      } else if (hook && !hook.native && !isBelow(facts.versions.kubernetes, "1.30.0")) {
        const exec = yamlEntrySpan(any, "exec");
        yield {
          span: exec ?? hook.node,
          message: "preStop runs `sleep` through exec, which fails on an image without a shell",
          fix: `Write \`preStop: {sleep: {seconds: ${hook.ms / 1000}}}\`.`,
          edits: exec ? [replace(exec, `sleep: {seconds: ${hook.ms / 1000}}`)] : [],
        };
      }
    }
  },
};

/** What the config asks for, at most the 5 s that proxies take to hear of a pod's end. */
function leastPause(facts: Facts): number {
  const key = "deploy.kubernetes.preStop";
  return facts.assume.isSet(key) ? Math.min(facts.assume.number(key), 5000) : 5000;
}
