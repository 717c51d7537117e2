import { meta, NAME, SELECTOR, type Manifest } from "./object.ts";
import type { RenderInput } from "../target.ts";

/** Returns true when an autoscaler decides how many pods there are. */
export function isScaled({ config }: RenderInput): boolean {
  return config.deploy.kubernetes.maxReplicas > config.deploy.kubernetes.replicas;
}

/** Returns true when there is, or may be, more than one pod. */
export function hasCopies({ config }: RenderInput): boolean {
  const { replicas, maxReplicas } = config.deploy.kubernetes;
  return Math.max(replicas, maxReplicas) > 1;
}

export function disruptionBudget(input: RenderInput): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: meta(input),
    spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: "AlwaysAllow", selector: { matchLabels: SELECTOR } },
  };
}

export function autoscaler(input: RenderInput): Manifest {
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
