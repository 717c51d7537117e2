import { createHash } from "node:crypto";
import { securityHeaders } from "./security-headers.ts";
import type { ResolvedConfig } from "../config/types.ts";
import { configText } from "./config-file.ts";
import { CONTAINER_MODELS, containerConfig } from "./container-config.ts";
import { PROBE_PERIOD_S } from "./derive.ts";
import { RenderError } from "./errors.ts";
import { GATE_FILE, gateContainer, gateFile, gateVolumes, hasGate } from "./kubernetes-gate.ts";
import { SSE_PATH, STREAM_PATHS } from "./nginx.ts";
import type { RenderedBody, RenderInput } from "./target.ts";
import { isAtLeast, parseVersion } from "./version.ts";
import { renderYaml } from "./yaml.ts";
import { APP_UID } from "./compose.ts";

/** One file per object plus kustomization.yaml. */
export function renderKubernetes(input: RenderInput, dir: string): readonly RenderedBody[] {
  const objects = kubernetesObjects(input);
  const files = [...objects].map(([name, value]) => ({
    path: `${dir}/${name}.yaml`,
    body: renderYaml(value),
    comment: "#" as const,
  }));
  const kustomization = {
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    namespace: input.config.deploy.kubernetes.namespace,
    labels: [{ pairs: { "app.kubernetes.io/part-of": "gigastt" }, includeSelectors: false }],
    resources: [...objects.keys()].map((name) => `${name}.yaml`),
  };
  return [...files, { path: `${dir}/kustomization.yaml`, body: renderYaml(kustomization), comment: "#" }];
}

/** Every object by file name, in the order in which they are applied. Pure. */
export function kubernetesObjects(input: RenderInput): ReadonlyMap<string, Manifest> {
  const { config } = input;
  const k8s = config.deploy.kubernetes;
  if (!isAtLeast(parseVersion(k8s.minVersion, "deploy.kubernetes.minVersion"), 1, 30)) {
    throw new RenderError(
      `deploy.kubernetes.minVersion: 1.30 or newer is supported (native preStop sleep), got ${k8s.minVersion}. Update the cluster.`,
    );
  }
  if (k8s.route !== "none" && config.deploy.domain === undefined) {
    throw new RenderError(
      "deploy.domain is needed for deploy.kubernetes.route. Set the public host name, or route: none.",
    );
  }
  const objects = new Map<string, Manifest>();
  objects.set("namespace", namespace(input));
  objects.set("serviceaccount", serviceAccount(input));
  objects.set("configmap", configMap(input));
  if (k8s.model === "pvc") objects.set("persistentvolumeclaim", modelClaim(input));
  objects.set("deployment", deployment(input));
  objects.set("service", service(input));
  objects.set("networkpolicy", networkPolicy(input));
  if (k8s.route === "gateway") {
    objects.set("httproute", httpRoute(input));
    if (config.deploy.tls.mode !== "none") objects.set("httproute-redirect", redirectRoute(input));
  }
  if (k8s.route === "ingress") objects.set("ingress", ingress(input));
  if (Math.max(k8s.replicas, k8s.maxReplicas) > 1) objects.set("poddisruptionbudget", disruptionBudget(input));
  if (isScaled(input)) objects.set("horizontalpodautoscaler", autoscaler(input));
  return objects;
}

/** Any Kubernetes object. */
export type Manifest = Readonly<Record<string, unknown>>;

/** Secret with the users of `auth.kind: basic`, read by ingress-nginx. */
export const USERS_SECRET = "gigastt-users";

// ---

const NAME = "gigastt";
const selector = { "app.kubernetes.io/name": NAME, "app.kubernetes.io/component": "server" };

const HARDENED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };

/** Name of the container port that takes what comes from outside. */
function publicPort({ config }: RenderInput): string {
  return hasGate(config) ? "gate" : "http";
}

function meta({ config }: RenderInput, name: string = NAME, annotations?: Readonly<Record<string, string>>): Manifest {
  return {
    name,
    namespace: config.deploy.kubernetes.namespace,
    labels: { ...selector, "app.kubernetes.io/managed-by": "gigastt" },
    ...(annotations === undefined ? {} : { annotations }),
  };
}

function isScaled({ config }: RenderInput): boolean {
  return config.deploy.kubernetes.maxReplicas > config.deploy.kubernetes.replicas;
}

function namespace({ config }: RenderInput): Manifest {
  const level = { enforce: "restricted", audit: "restricted", warn: "restricted" };
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: {
      name: config.deploy.kubernetes.namespace,
      labels: Object.fromEntries(
        Object.entries(level).map(([mode, value]) => [`pod-security.kubernetes.io/${mode}`, value]),
      ),
    },
  };
}

function serviceAccount(input: RenderInput): Manifest {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: meta(input), automountServiceAccountToken: false };
}

function serverConfigText({ config, derived }: RenderInput): string {
  const server = containerConfig(config, derived, {
    // The gate has asked the gateway already and names exactly one address.
    trustedCidrs: hasGate(config) ? ["127.0.0.1/32"] : config.deploy.kubernetes.trustedCidrs,
    mountedModel: config.deploy.kubernetes.model !== "baked",
  });
  return configText(server);
}

function configMap(input: RenderInput): Manifest {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: meta(input),
    data: configFiles(input),
  };
}

/** Files of the pod by name. */
function configFiles(input: RenderInput): Readonly<Record<string, string>> {
  return {
    "gigastt.config.yaml": serverConfigText(input),
    ...(hasGate(input.config) ? { [GATE_FILE]: gateFile(input) } : {}),
  };
}

function modelClaim(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: meta(input, "gigastt-models"),
    spec: {
      accessModes: [Math.max(k8s.replicas, k8s.maxReplicas) > 1 ? "ReadWriteMany" : "ReadWriteOnce"],
      ...(k8s.storageClass === undefined ? {} : { storageClassName: k8s.storageClass }),
      resources: { requests: { storage: quantity(k8s.modelVolumeBytes) } },
    },
  };
}

function deployment(input: RenderInput): Manifest {
  const { config, derived } = input;
  const { kubernetes: k8s, images } = config.deploy;
  const d = derived.kubernetes;
  const gated = hasGate(config);
  const mounted = k8s.model !== "baked";
  const probe = (path: string): Manifest => ({ httpGet: { path, port: "http" } });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(input),
    spec: {
      // With an autoscaler the number is its own.
      ...(isScaled(input) ? {} : { replicas: k8s.replicas }),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: d.progressDeadlineS,
      // A second copy first: the memory for it must exist, or the rollout waits.
      strategy:
        k8s.model === "pvc" && k8s.replicas === 1 && k8s.maxReplicas <= 1
          ? { type: "Recreate" }
          : { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: selector },
      template: {
        metadata: {
          labels: { ...selector, "app.kubernetes.io/managed-by": "gigastt" },
          // A changed ConfigMap alone would roll nothing.
          annotations: {
            "checksum/config": createHash("sha256")
              .update(Object.values(configFiles(input)).join(""))
              .digest("hex"),
          },
        },
        spec: {
          serviceAccountName: NAME,
          automountServiceAccountToken: false,
          enableServiceLinks: false,
          terminationGracePeriodSeconds: d.graceS,
          securityContext: {
            runAsNonRoot: true,
            runAsUser: APP_UID,
            runAsGroup: APP_UID,
            fsGroup: APP_UID,
            fsGroupChangePolicy: "OnRootMismatch",
            seccompProfile: { type: "RuntimeDefault" },
          },
          ...(k8s.model === "init" || gated
            ? {
                initContainers: [
                  ...(k8s.model === "init" ? [modelCopier(config)] : []),
                  ...(gated ? [gateContainer(config)] : []),
                ],
              }
            : {}),
          containers: [
            {
              name: NAME,
              image: images.app,
              imagePullPolicy: "IfNotPresent",
              args: ["serve", "--config", "/etc/gigastt/gigastt.config.yaml"],
              ports: [{ name: "http", containerPort: config.server.port, protocol: "TCP" }],
              securityContext: HARDENED,
              // Endpoints and SIGTERM race: the pod keeps accepting until every proxy has heard of its end.
              lifecycle: { preStop: { sleep: { seconds: d.preStopS } } },
              startupProbe: {
                ...probe("/ready"),
                periodSeconds: PROBE_PERIOD_S,
                timeoutSeconds: 3,
                failureThreshold: d.startupFailures,
              },
              readinessProbe: {
                ...probe("/ready"),
                periodSeconds: PROBE_PERIOD_S,
                timeoutSeconds: 3,
                failureThreshold: 2,
              },
              // Lives while its event loop turns; busy with inference is not dead.
              livenessProbe: { ...probe("/health"), periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6 },
              resources: {
                requests: {
                  cpu: String(k8s.cpuRequest),
                  memory: mebibytes(d.memoryMiB),
                  "ephemeral-storage": mebibytes(derived.tmpMiB),
                },
                limits: { memory: mebibytes(d.memoryMiB), "ephemeral-storage": mebibytes(derived.tmpMiB + 64) },
              },
              volumeMounts: [
                { name: "config", mountPath: "/etc/gigastt", readOnly: true },
                { name: "tmp", mountPath: "/tmp" },
                ...(mounted ? [{ name: "models", mountPath: CONTAINER_MODELS, readOnly: true }] : []),
              ],
            },
          ],
          volumes: [
            { name: "config", configMap: { name: NAME } },
            { name: "tmp", emptyDir: { sizeLimit: mebibytes(derived.tmpMiB) } },
            ...(k8s.model === "pvc"
              ? [{ name: "models", persistentVolumeClaim: { claimName: "gigastt-models", readOnly: true } }]
              : []),
            ...(k8s.model === "init"
              ? [{ name: "models", emptyDir: { sizeLimit: quantity(k8s.modelVolumeBytes) } }]
              : []),
            ...(gated ? gateVolumes() : []),
          ],
        },
      },
    },
  };
}

/** Copies the model out of an image of its own before the server starts. */
function modelCopier(config: ResolvedConfig): Manifest {
  return {
    name: "model",
    image: config.deploy.kubernetes.modelImage,
    command: ["cp", "-a", "/models/.", "/target/"],
    securityContext: HARDENED,
    resources: { requests: { cpu: "100m", memory: "64Mi" }, limits: { memory: "64Mi" } },
    volumeMounts: [{ name: "models", mountPath: "/target" }],
  };
}

function service(input: RenderInput): Manifest {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: meta(input),
    spec: {
      type: "ClusterIP",
      selector,
      ports: [
        { name: "http", port: 80, targetPort: publicPort(input), protocol: "TCP", appProtocol: "kubernetes.io/ws" },
      ],
    },
  };
}

/** In: the gateway (and monitoring). Out: nothing, the weights are local. */
function networkPolicy(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  const from = (name: string): Manifest => ({
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": name } },
  });
  const source = k8s.route === "ingress" ? "ingress-nginx" : k8s.gatewayNamespace;
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: meta(input),
    spec: {
      podSelector: { matchLabels: selector },
      // Egress without a rule refuses all of it. An empty list would say the same, but the server drops it and takes every apply for a change.
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        { from: [from(source)], ports: [{ protocol: "TCP", port: publicPort(input) }] },
        ...(k8s.monitoringNamespace === undefined
          ? []
          : [{ from: [from(k8s.monitoringNamespace)], ports: [{ protocol: "TCP", port: "http" }] }]),
      ],
    },
  };
}

function httpRoute(input: RenderInput): Manifest {
  const { config, derived } = input;
  const { deploy } = config;
  const backendRefs = [{ name: NAME, port: 80 }];
  const filters = [
    {
      // The gateway appends the peer to X-Forwarded-For; the server takes the right-most address it does not trust.
      type: "RequestHeaderModifier",
      requestHeaderModifier: {
        remove: [
          "X-Real-IP",
          "Forwarded",
          "X-Client-IP",
          "True-Client-IP",
          "CF-Connecting-IP",
          "X-Cluster-Client-IP",
          "X-Original-Forwarded-For",
        ],
      },
    },
    {
      type: "ResponseHeaderModifier",
      responseHeaderModifier: {
        set: securityHeaders(config, derived).map(({ name, value }) => ({ name, value })),
        remove: ["Server"],
      },
    },
  ];
  const unlimited = { request: "0s", backendRequest: "0s" };
  const rest = gatewayDuration(derived.kubernetes.restRouteS);
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: meta(input),
    spec: {
      parentRefs: [
        {
          name: deploy.kubernetes.gatewayName,
          namespace: deploy.kubernetes.gatewayNamespace,
          sectionName: deploy.tls.mode === "none" ? "http" : "https",
        },
      ],
      hostnames: [deploy.domain],
      rules: [
        {
          // Live sessions and event streams end when the server says so.
          matches: [...STREAM_PATHS, SSE_PATH].map((value) => ({ path: { type: "Exact", value } })),
          filters,
          timeouts: unlimited,
          backendRefs,
        },
        {
          // `/metrics` is not among them: monitoring reads it inside the cluster.
          matches: publicPrefixes(input).map((path) => ({ path })),
          filters,
          timeouts: { request: rest, backendRequest: rest },
          backendRefs,
        },
      ],
    },
  };
}

function publicPrefixes({ config }: RenderInput): readonly Manifest[] {
  const paths = new Set(
    config.deploy.publicPaths.filter(
      (path) => !STREAM_PATHS.includes(path) && path !== SSE_PATH && !path.startsWith("/v1/"),
    ),
  );
  return [
    { type: "PathPrefix", value: "/v1" },
    ...(config.deploy.console
      ? [
          { type: "Exact", value: "/" },
          { type: "PathPrefix", value: "/console" },
        ]
      : []),
    ...[...paths].filter((path) => path !== "/" || !config.deploy.console).map((value) => ({ type: "Exact", value })),
  ];
}

function redirectRoute(input: RenderInput): Manifest {
  const { deploy } = input.config;
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "HTTPRoute",
    metadata: meta(input, "gigastt-redirect"),
    spec: {
      parentRefs: [
        { name: deploy.kubernetes.gatewayName, namespace: deploy.kubernetes.gatewayNamespace, sectionName: "http" },
      ],
      hostnames: [deploy.domain],
      rules: [
        {
          filters: [
            {
              type: "RequestRedirect",
              requestRedirect: { scheme: "https", hostname: deploy.domain, port: deploy.httpsPort, statusCode: 308 },
            },
          ],
        },
      ],
    },
  };
}

function ingress(input: RenderInput): Manifest {
  const { config, derived } = input;
  const { deploy } = config;
  const prefix = "nginx.ingress.kubernetes.io";
  const annotations: Record<string, string> = {
    [`${prefix}/proxy-body-size`]: String(derived.proxy.bodyBytes),
    // One set of timers for all routes: the longest wait is a file being transcribed.
    [`${prefix}/proxy-read-timeout`]: String(derived.proxy.restReadTimeoutS),
    [`${prefix}/proxy-send-timeout`]: String(derived.proxy.streamTimeoutS),
    [`${prefix}/proxy-connect-timeout`]: String(derived.proxy.dialTimeoutS),
    [`${prefix}/proxy-request-buffering`]: deploy.privacy === "strict" ? "off" : "on",
    [`${prefix}/proxy-buffering`]: "off",
    [`${prefix}/ssl-redirect`]: deploy.tls.mode === "none" ? "false" : "true",
    [`${prefix}/limit-connections`]: String(derived.proxy.connectionsPerClient),
  };
  if (deploy.auth.kind === "basic") {
    annotations[`${prefix}/auth-type`] = "basic";
    annotations[`${prefix}/auth-secret`] = USERS_SECRET;
    annotations[`${prefix}/auth-realm`] = "gigastt";
  }
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: meta(input, NAME, annotations),
    spec: {
      ingressClassName: deploy.kubernetes.ingressClass,
      ...(deploy.tls.mode === "none" ? {} : { tls: [{ hosts: [deploy.domain], secretName: "gigastt-tls" }] }),
      rules: [
        {
          host: deploy.domain,
          http: {
            paths: publicPrefixes(input)
              .map(({ type, value }) => ({
                path: value,
                pathType: type === "Exact" ? "Exact" : "Prefix",
                backend: { service: { name: NAME, port: { name: "http" } } },
              }))
              .concat([
                { path: "/ws", pathType: "Exact", backend: { service: { name: NAME, port: { name: "http" } } } },
              ]),
          },
        },
      ],
    },
  };
}

function disruptionBudget(input: RenderInput): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: meta(input),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: { matchLabels: selector } },
  };
}

function autoscaler(input: RenderInput): Manifest {
  const { config, derived } = input;
  const k8s = config.deploy.kubernetes;
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: meta(input),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: NAME },
      minReplicas: k8s.replicas,
      maxReplicas: k8s.maxReplicas,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 70 } } },
      ],
      behavior: {
        scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: "Pods", value: 2, periodSeconds: 60 }] },
        // A pod that goes takes its live sessions with it after the drain.
        scaleDown: {
          stabilizationWindowSeconds: derived.kubernetes.scaleDownStabilizationS,
          policies: [{ type: "Pods", value: 1, periodSeconds: derived.kubernetes.scaleDownPeriodS }],
        },
      },
    },
  };
}

/** Gateway API durations have at most five digits per unit. */
function gatewayDuration(seconds: number): string {
  return seconds < 100_000 ? `${seconds}s` : `${Math.ceil(seconds / 3600)}h`;
}

/** In the form the API server keeps: the largest unit without a fraction. Another one would be a change at every comparison. */
function quantity(bytes: number): string {
  for (const [unit, size] of QUANTITY_UNITS) if (bytes % size === 0) return `${bytes / size}${unit}`;
  return String(bytes);
}

const QUANTITY_UNITS = [
  ["Ti", 2 ** 40],
  ["Gi", 2 ** 30],
  ["Mi", 2 ** 20],
  ["Ki", 2 ** 10],
  ["G", 1e9],
  ["M", 1e6],
  ["k", 1e3],
] as const;

function mebibytes(count: number): string {
  return quantity(count * 2 ** 20);
}
