import type { CrossRule } from "./rule.ts";

/** Rules over the keys of the section `deploy`. */
export const DEPLOY_RULES: readonly CrossRule[] = [
  {
    severity: "error",
    says: "`deploy.monitoring` needs `metrics.enabled`.",
    keys: ["deploy.monitoring", "metrics.enabled"],
    check: ({ deploy, metrics }) =>
      deploy.monitoring && !metrics.enabled
        ? {
            rule: "needs metrics.enabled: without it there is nothing to watch",
            found: "metrics.enabled: false",
            cure: "set metrics.enabled: true",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.monitoring` in a cluster needs `deploy.kubernetes.monitoringNamespace`.",
    keys: ["deploy.monitoring", "deploy.kubernetes.monitoringNamespace", "deploy.target"],
    check: ({ deploy }) =>
      deploy.monitoring && deploy.target === "kubernetes" && deploy.kubernetes.monitoringNamespace === undefined
        ? {
            rule: "needs deploy.kubernetes.monitoringNamespace: the network policy refuses Prometheus otherwise",
            found: "no namespace",
            cure: "set deploy.kubernetes.monitoringNamespace to the namespace of Prometheus",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "A proxy with TLS needs `deploy.domain`.",
    keys: ["deploy.tls.mode", "deploy.domain", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.proxy.kind !== "none" && deploy.tls.mode !== "none" && deploy.domain === undefined
        ? {
            rule: "needs deploy.domain: a certificate is issued for a name",
            found: deploy.tls.mode,
            cure: "set deploy.domain, or tls.mode: none on a private network",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.auth.kind: forward` needs `deploy.auth.forwardUrl`.",
    keys: ["deploy.auth.kind", "deploy.auth.forwardUrl"],
    check: ({ deploy }) =>
      deploy.auth.kind === "forward" && deploy.auth.forwardUrl === undefined
        ? {
            rule: "needs deploy.auth.forwardUrl",
            found: "forward",
            cure: "set the URL of the check, for example http://127.0.0.1:9091/api/verify",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "Authentication needs a proxy (`deploy.proxy.kind`).",
    keys: ["deploy.auth.kind", "deploy.proxy.kind", "deploy.target"],
    check: ({ deploy }) =>
      !["none", "server"].includes(deploy.auth.kind) && deploy.proxy.kind === "none" && deploy.target !== "kubernetes"
        ? {
            rule: "needs a proxy: the server checks no users and certificates",
            found: deploy.auth.kind,
            cure: "set deploy.proxy.kind: caddy or nginx, or auth.kind: none; API keys need no proxy: auth.kind: server",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.auth.kind: server` and `auth.keys: required` go together.",
    keys: ["deploy.auth.kind", "auth.keys"],
    check: ({ deploy, auth }) =>
      deploy.auth.kind === "server" && auth.keys === "off"
        ? {
            rule: "server needs auth.keys: required, else every request is allowed",
            found: "auth.keys: off",
            cure: "set auth.keys: required, or let the proxy check: deploy.auth.kind: basic or keys",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`auth.keys: required` needs one machine: the pods of a cluster share no file.",
    keys: ["auth.keys", "deploy.target"],
    check: ({ deploy, auth }) =>
      auth.keys === "required" && deploy.target === "kubernetes"
        ? {
            rule: "cannot be used in a cluster: its pods share no store",
            found: "required with deploy.target: kubernetes",
            cure: "set auth.keys: off and deploy.auth.kind: keys; then the gate in each pod checks the keys",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`jobs.enabled` in a cluster needs `jobs.engine: redis` and `jobs.blobs: s3`: its pods share no file.",
    keys: ["jobs.enabled", "jobs.engine", "jobs.blobs", "deploy.target"],
    check: ({ deploy, jobs }) =>
      jobs.enabled && deploy.target === "kubernetes" && (jobs.engine !== "redis" || jobs.blobs !== "s3")
        ? {
            rule: "cannot be used in a cluster with files: its pods share none, so a request would often reach a pod without the job",
            found: `jobs.engine: ${jobs.engine} and jobs.blobs: ${jobs.blobs} with deploy.target: kubernetes`,
            cure: "set jobs.engine: redis and jobs.blobs: s3, or jobs.enabled: false",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.kubernetes.workers` is at most `deploy.kubernetes.maxWorkers` where the number changes.",
    keys: ["deploy.kubernetes.workers", "deploy.kubernetes.maxWorkers", "deploy.kubernetes.workerScaling"],
    check: ({ deploy: { kubernetes: k8s } }) =>
      k8s.workerScaling !== "fixed" && k8s.workers > k8s.maxWorkers
        ? {
            rule: "must not be larger than maxWorkers",
            found: `${k8s.workers} against ${k8s.maxWorkers}`,
            cure: "raise maxWorkers",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.kubernetes.workerScaling` other than `fixed` needs `metrics.enabled` and `deploy.kubernetes.monitoringNamespace`.",
    keys: [
      "deploy.kubernetes.workerScaling",
      "deploy.kubernetes.monitoringNamespace",
      "metrics.enabled",
      "jobs.enabled",
      "deploy.target",
    ],
    check: ({ deploy: { target, kubernetes: k8s }, metrics, jobs }) =>
      target === "kubernetes" &&
      jobs.enabled &&
      k8s.workerScaling !== "fixed" &&
      (!metrics.enabled || k8s.monitoringNamespace === undefined)
        ? {
            rule: "needs the waiting audio from Prometheus",
            found: metrics.enabled ? "no monitoringNamespace" : "metrics.enabled: false",
            cure: "set metrics.enabled: true and deploy.kubernetes.monitoringNamespace, or workerScaling: fixed",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "The proxy and the server do not both check the `Authorization` header.",
    keys: ["auth.keys", "deploy.auth.kind", "deploy.proxy.kind"],
    check: ({ deploy, auth }) =>
      auth.keys === "required" && !["server", "mtls"].includes(deploy.auth.kind) && deploy.proxy.kind !== "none"
        ? {
            rule: "needs deploy.auth.kind: server, because a request has one Authorization header and the proxy removes it",
            found: `required with deploy.auth.kind: ${deploy.auth.kind}`,
            cure: "set deploy.auth.kind: server, or auth.keys: off",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.auth.kind: mtls` needs TLS.",
    keys: ["deploy.auth.kind", "deploy.tls.mode"],
    check: ({ deploy }) =>
      deploy.auth.kind === "mtls" && deploy.tls.mode === "none"
        ? {
            rule: "mtls needs TLS",
            found: "tls.mode none",
            cure: "set deploy.tls.mode: internal or files",
          }
        : undefined,
  },
  {
    severity: "error",
    says: "`deploy.httpPort` and `deploy.httpsPort` differ.",
    keys: ["deploy.httpPort", "deploy.httpsPort"],
    check: ({ deploy }) =>
      deploy.tls.mode !== "none" && deploy.httpPort === deploy.httpsPort
        ? { rule: "must differ from deploy.httpsPort", found: String(deploy.httpPort), cure: "80 and 443 are usual" }
        : undefined,
  },
  {
    severity: "warning",
    says: "Passwords or keys travel in clear text: `deploy.tls.mode` is `none`.",
    keys: ["deploy.auth.kind", "deploy.tls.mode"],
    check: ({ deploy }) =>
      ["basic", "keys", "server"].includes(deploy.auth.kind) &&
      deploy.tls.mode === "none" &&
      deploy.proxy.kind !== "none"
        ? {
            rule: "sends its credentials in clear text while deploy.tls.mode is none",
            found: deploy.auth.kind,
            cure: "set tls.mode: internal",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "A public service has no authentication.",
    keys: ["deploy.auth.kind", "deploy.proxy.kind"],
    check: ({ deploy }) =>
      deploy.auth.kind === "none" && deploy.proxy.kind !== "none" && deploy.tls.mode === "acme"
        ? {
            rule: "allows anyone on the internet to use this service",
            found: "none",
            cure: "set deploy.auth.kind: basic or keys",
          }
        : undefined,
  },
  {
    severity: "warning",
    says: "`session.maxDuration` is 0 behind a proxy.",
    keys: ["session.maxDuration", "deploy.proxy.kind"],
    check: ({ session, deploy }) =>
      session.maxDurationMs === 0 && deploy.proxy.kind !== "none"
        ? {
            rule: "is unlimited, but the proxy needs a finite value: its reload ends sessions older than an hour",
            found: "0",
            cure: "set a maximum, for example 8h",
          }
        : undefined,
  },
];
