import { renderYaml } from "../text/yaml.ts";
import { upstreamAddress } from "../target.ts";
import type { RenderedBody, RenderInput } from "../target.ts";
import { JOB, ruleGroups } from "./alerts.ts";
import { dashboard } from "./dashboard.ts";

/** Where Prometheus finds the API key, if the server needs one: a key with the scope metrics, alone in the file. */
export const METRICS_KEY_FILES = {
  host: "/etc/prometheus/gigastt-metrics.key",
  compose: "/run/gigastt/metrics.key",
} as const;
/** Where Grafana finds its dashboards. */
export const DASHBOARDS = "/etc/grafana/dashboards";

/** Renders what Prometheus and Grafana read: scrape configuration, alerts, dashboard, and what makes Grafana load it. */
export function renderMonitoring(
  input: RenderInput,
  placement: "host" | "compose",
  dir: string,
): readonly RenderedBody[] {
  const yaml = (path: string, value: unknown): RenderedBody => ({
    path: `${dir}/${path}`,
    body: renderYaml(value),
    comment: "#",
  });
  const prometheusUrl = placement === "compose" ? "http://prometheus:9090" : "http://127.0.0.1:9090";
  return [
    yaml("prometheus/prometheus.yml", prometheusConfig(input, placement)),
    yaml("prometheus/alerts.yml", { groups: ruleGroups() }),
    yaml("grafana/provisioning/datasources/gigastt.yml", {
      apiVersion: 1,
      datasources: [
        {
          name: "Prometheus",
          uid: "prometheus",
          type: "prometheus",
          url: prometheusUrl,
          access: "proxy",
          isDefault: true,
        },
      ],
    }),
    yaml("grafana/provisioning/dashboards/gigastt.yml", {
      apiVersion: 1,
      providers: [{ name: "gigastt", type: "file", allowUiUpdates: false, options: { path: DASHBOARDS } }],
    }),
    {
      path: `${dir}/grafana/dashboards/gigastt.json`,
      body: `${JSON.stringify(dashboard(), null, 2)}\n`,
      comment: "json",
    },
  ];
}

// ---

function prometheusConfig({ config }: RenderInput, placement: "host" | "compose"): unknown {
  return {
    global: { scrape_interval: "15s", evaluation_interval: "15s" },
    rule_files: ["alerts.yml"],
    scrape_configs: [
      {
        job_name: JOB,
        ...(config.auth.keys === "required"
          ? { authorization: { credentials_file: METRICS_KEY_FILES[placement] } }
          : {}),
        static_configs: [{ targets: [upstreamAddress(config, placement)] }],
      },
    ],
  };
}
