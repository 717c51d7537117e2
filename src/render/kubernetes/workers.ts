import type { RenderInput } from "../target.ts";
import { configFiles } from "./deployment.ts";
import { meta, NAME, WORKER_LABELS, type Manifest } from "./object.ts";
import { podTemplate } from "./pod.ts";
import { quantity } from "./quantity.ts";

/** Name of the Deployment of workers and of what scales it. */
export const WORKER: string = `${NAME}-worker`;
/** What Prometheus has of the waiting audio: each replica shows the queue that all share. */
const WAITING = "gigastt_jobs_waiting_audio_seconds";

/** Returns the objects of workers by file name. */
export function workerObjects(input: RenderInput): readonly (readonly [name: string, value: Manifest])[] {
  const { workerScaling, workers, maxWorkers } = input.config.deploy.kubernetes;
  const most = workerScaling === "fixed" ? workers : maxWorkers;
  return [
    ["deployment-worker", deployment(input)],
    ...(most > 1 ? ([["poddisruptionbudget-worker", disruptionBudget(input)]] as const) : []),
    ...(workerScaling === "hpa" ? ([["horizontalpodautoscaler-worker", autoscaler(input)]] as const) : []),
    ...(workerScaling === "keda" ? ([["scaledobject-worker", scaledObject(input)]] as const) : []),
  ];
}

// ---

function deployment(input: RenderInput): Manifest {
  const { config, derived } = input;
  const k8s = config.deploy.kubernetes;
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: workerMeta(input),
    spec: {
      ...(k8s.workerScaling === "fixed" ? { replicas: k8s.workers } : {}),
      revisionHistoryLimit: 3,
      progressDeadlineSeconds: derived.kubernetes.progressDeadlineS,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: WORKER_LABELS },
      template: podTemplate(input, "worker", WORKER_LABELS, configFiles(input)),
    },
  };
}

/** Draining nodes takes one worker at a time: jobs go on with the others. */
function disruptionBudget(input: RenderInput): Manifest {
  return {
    apiVersion: "policy/v1",
    kind: "PodDisruptionBudget",
    metadata: workerMeta(input),
    spec: {
      maxUnavailable: 1,
      unhealthyPodEvictionPolicy: "AlwaysAllow",
      selector: { matchLabels: WORKER_LABELS },
    },
  };
}

function autoscaler(input: RenderInput): Manifest {
  const { config, derived } = input;
  const k8s = config.deploy.kubernetes;
  const averageValue = quantity(derived.kubernetes.audioPerWorkerS);
  return {
    apiVersion: "autoscaling/v2",
    kind: "HorizontalPodAutoscaler",
    metadata: workerMeta(input),
    spec: {
      scaleTargetRef: TARGET,
      minReplicas: Math.max(1, k8s.workers),
      maxReplicas: k8s.maxWorkers,
      metrics: [
        {
          type: "External",
          external: {
            metric: { name: WAITING, selector: { matchLabels: { namespace: k8s.namespace } } },
            target: { type: "AverageValue", averageValue },
          },
        },
      ],
      behavior: behavior(input),
    },
  };
}

function scaledObject(input: RenderInput): Manifest {
  const { config, derived } = input;
  const k8s = config.deploy.kubernetes;
  return {
    apiVersion: "keda.sh/v1alpha1",
    kind: "ScaledObject",
    metadata: workerMeta(input),
    spec: {
      scaleTargetRef: TARGET,
      minReplicaCount: k8s.workers,
      maxReplicaCount: k8s.maxWorkers,
      pollingInterval: 15,
      // What runs counts as waiting, so no worker with a job is taken away by going to 0.
      cooldownPeriod: COOL_S,
      // Without Prometheus the waiting audio is unknown: one goes on.
      fallback: { failureThreshold: 4, replicas: Math.max(1, k8s.workers) },
      advanced: { horizontalPodAutoscalerConfig: { behavior: behavior(input) } },
      triggers: [
        {
          type: "prometheus",
          metricType: "AverageValue",
          metadata: {
            serverAddress: k8s.prometheusUrl,
            query: `max(${WAITING}{namespace="${k8s.namespace}"})`,
            threshold: String(derived.kubernetes.audioPerWorkerS),
            activationThreshold: "0",
            ignoreNullValues: "false",
          },
        },
      ],
    },
  };
}

const TARGET: Manifest = { apiVersion: "apps/v1", kind: "Deployment", name: WORKER };
const COOL_S = 300;

/** Up at once; down slowly, because each worker that goes hands a job back in the middle. */
function behavior({ derived }: RenderInput): Manifest {
  return {
    scaleUp: { stabilizationWindowSeconds: 0, policies: [{ type: "Percent", value: 100, periodSeconds: 15 }] },
    scaleDown: {
      stabilizationWindowSeconds: COOL_S,
      policies: [{ type: "Pods", value: 1, periodSeconds: derived.kubernetes.scaleDownPeriodS }],
    },
  };
}

function workerMeta(input: RenderInput): Manifest {
  return { ...meta(input, WORKER), labels: { ...WORKER_LABELS, "app.kubernetes.io/managed-by": "gigastt" } };
}
