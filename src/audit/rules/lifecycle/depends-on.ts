import { appWorkloads } from "../../model/facts.ts";
import type { Rule } from "../../types.ts";
import type { ComposeProject } from "../../model/compose.ts";
import { yamlAt, yamlBoolean, yamlEntrySpan, yamlStrings, yamlText } from "../../parse/yaml.ts";
import { replace } from "../kit/edits.ts";
import { appContainer } from "../kit/kubernetes.ts";
import { dockerfileOf, projectsWithApp } from "../kit/compose.ts";

export const rule: Rule = {
  id: "GA-LIF-015",
  severity: "warning",
  confidence: "certain",
  title: "Dependants start before the model is loaded",
  why: "The short form of depends_on waits only until the container runs; the model loads for seconds to minutes after that, and the proxy answers 502 until then. Without a health check nothing can wait for readiness, and deployment tools fall back to stopping the old container first.",
  evidence: ["compose-spec 05-services.md, depends_on", "coollabsio/coolify-docs#250"],
  reads: ["compose", "dockerfile", "kubernetes"],
  fixKind: "safe",
  *check(facts) {
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      if (!container || yamlAt(container.node, "readinessProbe") || workload.object.kind.endsWith("Job")) continue;
      yield {
        span: container.span,
        message: `container ${container.name} has no readinessProbe: the Service sends it requests before its model is loaded, and during its drain`,
        fix: "Add a startupProbe and a readinessProbe on /ready, and a patient livenessProbe on /health.",
      };
    }
    for (const project of projectsWithApp(facts)) {
      for (const app of project.services.filter((service) => facts.app.isService(service))) {
        const check = yamlAt(app.node, "healthcheck");
        const disabled =
          yamlBoolean(yamlAt(check, "disable")) === true || yamlStrings(yamlAt(check, "test"))[0]?.text === "NONE";
        const built = dockerfileOf(facts, app)
          ?.stages.at(-1)
          ?.instructions.some((item) => item.name === "HEALTHCHECK" && item.value !== "NONE");
        const named = yamlAt(check, "test") !== undefined || (check && built !== false);
        if (disabled || (!named && built !== true)) {
          yield {
            span: yamlEntrySpan(app.node, "healthcheck") ?? app.nameSpan,
            message: `${app.name} has no health check: nothing can wait until its model is loaded`,
            fix: "Add a healthcheck that asks http://127.0.0.1:9876/ready with node's fetch, start_period from model.loadTimeout.",
            ...(built === undefined && !disabled && app.image !== "" ? { confidence: "likely" as const } : {}),
            ...(waits(project, app.name) ? {} : { severity: "note" as const }),
          };
        }
        for (const service of project.services) {
          const depends = yamlAt(service.node, "depends_on");
          const short = yamlStrings(depends?.kind === "seq" ? depends : undefined).find(
            (item) => item.text === app.name,
          );
          const long = depends?.kind === "map" ? yamlAt(depends, app.name) : undefined;
          const condition = yamlText(yamlAt(long, "condition"));
          if (!short && (!long || condition === "service_healthy")) continue;
          const node = yamlAt(long, "condition");
          const only = short && depends && depends.items.length === 1 && depends.source.text[depends.start] === "[";
          yield {
            span: short?.node ?? node ?? long ?? service.nameSpan,
            message: `${service.name} starts as soon as ${app.name}'s container runs, before its model is loaded`,
            fix: `Write \`depends_on: {${app.name}: {condition: service_healthy}}\`.`,
            edits: node
              ? [replace(node, "service_healthy")]
              : only
                ? [replace(depends, `{${app.name}: {condition: service_healthy}}`)]
                : [],
          };
        }
      }
    }
  },
};

/** Whether another service of the project names this one in `depends_on`. */
function waits(project: ComposeProject, name: string): boolean {
  return project.services.some(({ node }) => {
    const depends = yamlAt(node, "depends_on");
    return depends?.entries.has(name) === true || yamlStrings(depends).some(({ text }) => text === name);
  });
}
