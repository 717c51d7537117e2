import { DASHBOARDS, METRICS_KEY_FILES } from "../monitoring/files.ts";
import type { RenderInput } from "../target.ts";
import { bind, LOGGING, type Yaml } from "./service.ts";

/** Renders the overlay with Prometheus and Grafana, both for programs on this machine only. Grafana asks for no password and changes nothing. */
export function monitoringOverlay({ config }: RenderInput): Yaml {
  const { images } = config.deploy;
  const common = {
    read_only: true,
    cap_drop: ["ALL"],
    security_opt: ["no-new-privileges:true"],
    stop_grace_period: "30s",
    restart: "unless-stopped",
    logging: LOGGING,
    networks: ["monitoring"],
  };
  return {
    services: {
      // joined with the base file's
      gigastt: { networks: ["monitoring"] },
      prometheus: {
        ...common,
        image: images.prometheus,
        user: "65534:65534",
        command: [
          "--config.file=/etc/prometheus/prometheus.yml",
          "--storage.tsdb.path=/prometheus",
          "--storage.tsdb.retention.time=30d",
          "--enable-feature=exemplar-storage",
        ],
        ports: ["127.0.0.1:9090:9090"],
        healthcheck: healthcheck("http://127.0.0.1:9090/-/ready"),
        deploy: { resources: { limits: { cpus: "1", memory: "512M", pids: 64 } } },
        volumes: [
          bind("./monitoring/prometheus", "/etc/prometheus"),
          ...(config.auth.keys === "required"
            ? [bind("./secrets/gigastt-metrics.key", METRICS_KEY_FILES.compose)]
            : []),
          "prometheus:/prometheus",
        ],
      },
      grafana: {
        ...common,
        image: images.grafana,
        user: "472:472",
        environment: {
          GF_AUTH_ANONYMOUS_ENABLED: "true",
          GF_AUTH_ANONYMOUS_ORG_ROLE: "Viewer",
          GF_AUTH_DISABLE_LOGIN_FORM: "true",
          GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: "true",
          GF_ANALYTICS_REPORTING_ENABLED: "false",
          GF_ANALYTICS_CHECK_FOR_UPDATES: "false",
          GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: "false",
          GF_NEWS_NEWS_FEED_ENABLED: "false",
        },
        tmpfs: ["/tmp:mode=1777,size=64m"],
        ports: ["127.0.0.1:3000:3000"],
        healthcheck: healthcheck("http://127.0.0.1:3000/api/health"),
        deploy: { resources: { limits: { cpus: "1", memory: "512M", pids: 128 } } },
        volumes: [
          bind("./monitoring/grafana/provisioning", "/etc/grafana/provisioning"),
          bind("./monitoring/grafana/dashboards", DASHBOARDS),
          "grafana:/var/lib/grafana",
        ],
      },
    },
    networks: { monitoring: {} },
    volumes: { prometheus: {}, grafana: {} },
  };
}

// ---

function healthcheck(url: string): Yaml {
  return {
    test: ["CMD", "wget", "-q", "-O", "/dev/null", url],
    interval: "30s",
    timeout: "5s",
    retries: 3,
    start_period: "30s",
  };
}
