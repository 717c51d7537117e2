import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-016", [
  {
    name: "budget that blocks",
    ...KUBE,
    from: "maxUnavailable: 1",
    to: "minAvailable: 2",
    at: "minAvailable",
  },
  {
    name: "replicas beside an autoscaler",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "hpa.yaml":
        "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: gigastt, namespace: gigastt}\nspec:\n  scaleTargetRef: {kind: Deployment, name: gigastt}\n  maxReplicas: 4\n",
    },
  },
  {
    name: "a rollout that stops everything",
    ...KUBE,
    from: "  progressDeadlineSeconds: 600",
    to: "  strategy: {type: RollingUpdate, rollingUpdate: {maxUnavailable: 2}}\n  progressDeadlineSeconds: 600",
    at: "maxUnavailable: 2",
  },
  {
    name: "a pod that never gets ready blocks the drain",
    ...KUBE,
    from: "  unhealthyPodEvictionPolicy: AlwaysAllow\n",
    to: "",
    at: "maxUnavailable",
  },
]);
