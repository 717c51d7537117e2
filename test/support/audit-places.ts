import { unresolve } from "../../src/config/resolve.ts";
import { configSchema } from "../../src/config/schema/schema.ts";
import type { ResolvedConfig } from "../../src/config/types.ts";
import type { RenderTarget } from "../../src/render/render.ts";
import { renderFiles } from "../../src/render/render.ts";
import { renderYaml } from "../../src/render/text/yaml.ts";
import { configWith, type Overrides } from "../unit/render/base-config.ts";
import { auditFiles } from "./audit-files.ts";
import type { Finding } from "../../src/audit/types.ts";

export const RENDER_SOURCE: { readonly toolVersion: string; readonly configHash: string } = {
  toolVersion: "0.0.0",
  configHash: "0".repeat(64),
};

/** Everything that is rendered for one deployment, with the config and the secrets that belong to it. */
export interface Place {
  readonly name: string;
  readonly config: ResolvedConfig;
  readonly files: Readonly<Record<string, string>>;
  readonly modes: Readonly<Record<string, number>>;
}

/** One deployment of every kind: both proxies on a host and in Compose, both routes into Kubernetes. */
export const PLACES: readonly Place[] = [
  place("host with Caddy and a CDN", ["caddy", "systemd"], {
    deploy: {
      target: "host",
      cdnCidrs: ["203.0.113.0/24"],
      proxy: { kind: "caddy", version: "2.11.4" },
      auth: { kind: "basic" },
    },
  }),
  place("host with nginx and a CDN", ["nginx", "systemd"], {
    deploy: {
      target: "host",
      cdnCidrs: ["203.0.113.0/24"],
      limiter: "proxy",
      proxy: { kind: "nginx", version: "1.26.3" },
      auth: { kind: "basic" },
      systemd: { socketActivation: true },
    },
  }),
  place("Compose with Caddy 2.8, open", ["compose", "docker"], {
    metrics: { enabled: true },
    deploy: {
      target: "compose",
      proxy: { kind: "caddy", version: "2.8.4" },
      auth: { kind: "none" },
      compose: { model: "volume" },
    },
  }),
  place("Compose with nginx", ["compose", "docker"], {
    metrics: { enabled: true },
    deploy: {
      target: "compose",
      limiter: "proxy",
      proxy: { kind: "nginx", version: "1.28.0" },
      auth: { kind: "none" },
      compose: { overlays: ["redis"] },
    },
  }),
  place("Kubernetes by a gateway", ["kubernetes", "docker"], {
    deploy: { target: "kubernetes", kubernetes: { replicas: 2, maxReplicas: 4, model: "pvc" } },
  }),
  place("Kubernetes by an Ingress", ["kubernetes"], {
    deploy: {
      target: "kubernetes",
      auth: { kind: "basic" },
      kubernetes: { replicas: 1, route: "ingress", model: "init" },
    },
  }),
];

/** Findings of a place with some files changed. What is found in the untouched files, and that a file was touched, does not count. */
export function findingsOf(
  place: Place,
  changed: Readonly<Record<string, string>> = {},
  modes: Readonly<Record<string, number>> = place.modes,
): readonly Finding[] {
  return auditFiles({ ...place.files, ...changed }, { modes, configHash: RENDER_SOURCE.configHash }).filter(
    (finding) => finding.rule !== "GA-DRF-001",
  );
}

// ---

function place(name: string, targets: readonly RenderTarget[], overrides: Overrides): Place {
  const { deploy = {}, ...rest } = overrides;
  const config = configWith({
    rateLimit: { perMinute: 60, burst: 5 },
    ...rest,
    deploy: { domain: "stt.example.com", tls: { hsts: "on" }, ...deploy },
  });
  const files: Record<string, string> = { "gigastt.config.yaml": renderYaml(unresolve(configSchema, config)) };
  const modes: Record<string, number> = {};
  for (const file of renderFiles(config, targets, RENDER_SOURCE)) {
    files[file.path] = file.text;
    modes[file.path] = file.mode;
  }
  return { name, config, files, modes };
}
