import { ruleGroups } from "../monitoring/alerts.ts";
import { dashboard } from "../monitoring/dashboard.ts";
import type { RenderInput } from "../target.ts";
import { meta, NAME, SELECTOR, type Manifest } from "./object.ts";

/** Returns what the Prometheus operator and Grafana's sidecar read, by file name. */
export function monitoringObjects(input: RenderInput): readonly (readonly [name: string, value: Manifest])[] {
  const operator = { apiVersion: "monitoring.coreos.com/v1" };
  const dashboards = meta(input, `${NAME}-dashboard`);
  return [
    [
      "podmonitor",
      {
        ...operator,
        kind: "PodMonitor",
        metadata: meta(input),
        spec: {
          // The alerts and the dashboard select by this name.
          jobLabel: "app.kubernetes.io/name",
          selector: { matchLabels: input.config.jobs.enabled ? { "app.kubernetes.io/name": NAME } : SELECTOR },
          podMetricsEndpoints: [{ port: "http", path: "/metrics", interval: "15s" }],
        },
      },
    ],
    ["prometheusrule", { ...operator, kind: "PrometheusRule", metadata: meta(input), spec: { groups: ruleGroups() } }],
    [
      "dashboard",
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: { ...dashboards, labels: { ...labelsOf(dashboards), grafana_dashboard: "1" } },
        data: { "gigastt.json": `${JSON.stringify(dashboard(), null, 2)}\n` },
      },
    ],
  ];
}

// ---

function labelsOf(metadata: Manifest): Readonly<Record<string, string>> {
  return metadata["labels"] as Readonly<Record<string, string>>; // of `meta`
}
