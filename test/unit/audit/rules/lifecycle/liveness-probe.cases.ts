import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-013", [
  {
    name: "liveness asks /ready",
    ...KUBE,
    from: "path: /health",
    to: "path: /ready",
    at: "livenessProbe",
  },
  {
    name: "impatient",
    ...KUBE,
    from: "periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6",
    to: "periodSeconds: 5, timeoutSeconds: 1, failureThreshold: 3",
  },
]);
