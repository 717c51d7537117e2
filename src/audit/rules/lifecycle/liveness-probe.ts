import type { Rule } from "../../types.ts";
import { appWorkloads } from "../../model/facts.ts";
import { yamlAt, yamlEntrySpan, yamlKey, yamlNumber, yamlText } from "../../parse/yaml.ts";
import { replace } from "../kit/edits.ts";
import { seconds } from "../kit/wording.ts";
import { appContainer } from "../kit/kubernetes.ts";

/** A server whose cores are all inferring answers late, not never. */
const PATIENCE_MS = 60_000;

export const rule: Rule = {
  id: "GA-LIF-013",
  severity: "warning",
  confidence: "certain",
  title: "The liveness probe kills a healthy server",
  why: "/ready answers 503 while the model loads, while the queue is full and during the drain; as a liveness probe it turns each of these into a restart that cuts all sessions. A probe that gives up within seconds does the same to a machine that is merely busy.",
  evidence: ["kube-score README_PROBES.md", "zegl/kube-score#339"],
  reads: ["kubernetes"],
  fixKind: "safe",
  *check(facts) {
    for (const workload of appWorkloads(facts)) {
      const container = appContainer(facts, workload);
      const probe = yamlAt(container?.node, "livenessProbe");
      if (!container || !probe) continue;
      const path = yamlAt(probe, "httpGet", "path");
      if (path && yamlText(path) === "/ready") {
        yield {
          span: yamlEntrySpan(yamlAt(probe, "httpGet"), "path") ?? path,
          message: "the liveness probe asks /ready, which says no during load, overload and drain",
          fix: "Ask /health; keep /ready for the startup and readiness probes.",
          edits: [replace(path, "/health")],
        };
      }
      const period = yamlNumber(yamlAt(probe, "periodSeconds")) ?? 10;
      const threshold = yamlAt(probe, "failureThreshold");
      const budget = period * 1000 * (yamlNumber(threshold) ?? 3);
      if (budget < PATIENCE_MS) {
        yield {
          span: yamlEntrySpan(probe, "failureThreshold") ?? yamlKey(container.node, "livenessProbe") ?? container.span,
          message: `the liveness probe restarts the server after ${seconds(budget)} without an answer; a saturated machine needs longer`,
          fix: "Set periodSeconds 20, timeoutSeconds 5, failureThreshold 6.",
          edits: threshold ? [replace(threshold, String(Math.ceil((2 * PATIENCE_MS) / (period * 1000))))] : [],
        };
      }
    }
  },
};
