import { configText } from "../config-file.ts";
import { containerConfig } from "../container-config.ts";
import { GATE_FILE, gateFile, hasGate } from "./gate.ts";
import { meta, NAME, SELECTOR, type Manifest } from "./object.ts";
import { podTemplate } from "./pod.ts";
import { quantity } from "./quantity.ts";
import { hasCopies, isScaled } from "./scale.ts";
import { withClusterStores } from "./stores.ts";
import type { RenderInput } from "../target.ts";

/** Returns the Deployment: the pods and how they are replaced. */
export function deployment(input: RenderInput): Manifest {
  const k8s = input.config.deploy.kubernetes;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: meta(input),
    spec: {
      // With an autoscaler the number is its own.
      ...(isScaled(input) ? {} : { replicas: k8s.replicas }),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: input.derived.kubernetes.progressDeadlineS,
      // A second copy first: the memory for it must exist, or the rollout waits.
      strategy:
        k8s.model === "pvc" && !hasCopies(input)
          ? { type: "Recreate" }
          : { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: SELECTOR },
      template: podTemplate(input, "server", SELECTOR, configFiles(input)),
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

/** Returns the files of the pods by name. */
export function configFiles(input: RenderInput): Readonly<Record<string, string>> {
  return {
    "gigastt.config.yaml": serverConfigText(input),
    ...(hasGate(input.config) ? { [GATE_FILE]: gateFile(input) } : {}),
  };
}

// ---

function serverConfigText({ config, derived }: RenderInput): string {
  const { namespace } = config.deploy.kubernetes;
  const server = containerConfig(withClusterStores(config), derived, {
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
