import { createHash } from "node:crypto";
import type { ResolvedConfig } from "../../config/types.ts";
import { PROBE_PERIOD_S } from "../../config/derived.ts";
import { directListeners } from "../../config/listeners.ts";
import { APP_UID, CONTAINER_MODELS } from "../container-config.ts";
import type { RenderInput } from "../target.ts";
import { gateContainer, gateVolumes, hasGate } from "./gate.ts";
import { NAME, type Manifest } from "./object.ts";
import { mebibytes, quantity } from "./quantity.ts";
import { CALLBACK_SECRET, hasStores, sendsCallbacks, STORES_MOUNT, storesVolume } from "./stores.ts";

/** What a pod does: a server answers clients, a worker runs jobs. */
export type PodKind = "server" | "worker";

/** Returns the template of pods of a kind. @param files what the ConfigMap has: a changed one alone would roll nothing */
export function podTemplate(
  input: RenderInput,
  kind: PodKind,
  labels: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>>,
): Manifest {
  const { config, derived } = input;
  const { kubernetes: k8s, images } = config.deploy;
  const d = derived.kubernetes;
  const isServer = kind === "server";
  const gated = isServer && hasGate(config);
  const mounted = k8s.model !== "baked";
  const stores = hasStores(config);
  const probe = (path: string): Manifest => ({ httpGet: { path, port: "http" } });
  return {
    metadata: {
      labels: { ...labels, "app.kubernetes.io/managed-by": "gigastt" },
      annotations: { "checksum/config": createHash("sha256").update(Object.values(files).join("")).digest("hex") },
    },
    spec: {
      serviceAccountName: NAME,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: isServer ? d.graceS : d.workerGraceS,
      securityContext: POD_SECURITY,
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
          // Jobs are left to the workers.
          ...(config.jobs.enabled ? { env: environment(config, isServer ? "api" : "worker") } : {}),
          ports: [
            { name: "http", containerPort: config.server.port, protocol: "TCP" },
            ...(isServer ? directListeners(config) : []).map(({ name, port }) => ({
              name,
              containerPort: port,
              protocol: "TCP",
            })),
          ],
          securityContext: HARDENED,
          // Endpoints and SIGTERM race: the pod keeps accepting until every proxy has heard of its end. A worker has no clients.
          ...(isServer ? { lifecycle: { preStop: { sleep: { seconds: d.preStopS } } } } : {}),
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
            ...(stores ? [STORES_MOUNT] : []),
          ],
        },
      ],
      volumes: [
        { name: "config", configMap: { name: NAME } },
        { name: "tmp", emptyDir: { sizeLimit: mebibytes(derived.tmpMiB) } },
        ...(k8s.model === "pvc"
          ? [{ name: "models", persistentVolumeClaim: { claimName: "gigastt-models", readOnly: true } }]
          : []),
        ...(k8s.model === "init" ? [{ name: "models", emptyDir: { sizeLimit: quantity(k8s.modelVolumeBytes) } }] : []),
        ...(stores ? [storesVolume(config)] : []),
        ...(gated ? gateVolumes() : []),
      ],
    },
  };
}

/** What the restricted pod security standard asks of a container. */
export const HARDENED: Manifest = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ["ALL"] },
};

/** And of a pod. */
export const POD_SECURITY: Manifest = {
  runAsNonRoot: true,
  runAsUser: APP_UID,
  runAsGroup: APP_UID,
  fsGroup: APP_UID,
  fsGroupChangePolicy: "OnRootMismatch",
  seccompProfile: { type: "RuntimeDefault" },
};

// ---

function environment({ jobs, deploy }: ResolvedConfig, role: string): readonly Manifest[] {
  const secret = { name: deploy.kubernetes.storesSecret, key: CALLBACK_SECRET };
  return [
    { name: "GIGASTT_JOBS_ROLE", value: role },
    // Files that are rendered have no secrets.
    ...(sendsCallbacks(jobs) ? [{ name: "GIGASTT_JOBS_CALLBACK_SECRET", valueFrom: { secretKeyRef: secret } }] : []),
  ];
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
