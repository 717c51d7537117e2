import { createHash } from "node:crypto";
import { directListeners } from "../../config/listeners.ts";
import type { ResolvedConfig } from "../../config/types.ts";
import { configText } from "../config-file.ts";
import { APP_UID, CONTAINER_MODELS, containerConfig } from "../container-config.ts";
import { PROBE_PERIOD_S } from "../../config/derived.ts";
import { GATE_FILE, gateContainer, gateFile, gateVolumes, hasGate } from "./gate.ts";
import { meta, NAME, SELECTOR, type Manifest } from "./object.ts";
import { mebibytes, quantity } from "./quantity.ts";
import { hasCopies, isScaled } from "./scale.ts";
import type { RenderInput } from "../target.ts";

/** Returns the Deployment: the pods and how they are replaced. */
export function deployment(input: RenderInput): Manifest {
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
        k8s.model === "pvc" && !hasCopies(input)
          ? { type: "Recreate" }
          : { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: SELECTOR },
      template: {
        metadata: {
          labels: { ...SELECTOR, "app.kubernetes.io/managed-by": "gigastt" },
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
              ports: [
                { name: "http", containerPort: config.server.port, protocol: "TCP" },
                ...directListeners(config).map(({ name, port }) => ({ name, containerPort: port, protocol: "TCP" })),
              ],
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

/** Returns the ConfigMap with the files that the pods read. */
export function configMap(input: RenderInput): Manifest {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: meta(input),
    data: configFiles(input),
  };
}

/** Returns the volume claim of the model, for `model: pvc`. */
export function modelClaim(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  return {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: meta(input, "gigastt-models"),
    spec: {
      accessModes: [hasCopies(input) ? "ReadWriteMany" : "ReadWriteOnce"],
      ...(k8s.storageClass === undefined ? {} : { storageClassName: k8s.storageClass }),
      resources: { requests: { storage: quantity(k8s.modelVolumeBytes) } },
    },
  };
}

// ---

const HARDENED = { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ["ALL"] } };

/** Files of the pod by name. */
function configFiles(input: RenderInput): Readonly<Record<string, string>> {
  return {
    "gigastt.config.yaml": serverConfigText(input),
    ...(hasGate(input.config) ? { [GATE_FILE]: gateFile(input) } : {}),
  };
}

function serverConfigText({ config, derived }: RenderInput): string {
  const { namespace } = config.deploy.kubernetes;
  const server = containerConfig(config, derived, {
    // The gate has asked the gateway already and names exactly one address.
    trustedCidrs: hasGate(config) ? ["127.0.0.1/32"] : config.deploy.kubernetes.trustedCidrs,
    // The Service and the pods in the cluster's DNS, with and without its usual domain.
    names: [
      `${NAME}.${namespace}`,
      ...[`${NAME}.${namespace}.svc`, `*.${NAME}.${namespace}.svc`, `*.${namespace}.pod`].flatMap((name) => [
        name,
        `${name}.cluster.local`,
      ]),
    ],
    mountedModel: config.deploy.kubernetes.model !== "baked",
  });
  return configText(server);
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
