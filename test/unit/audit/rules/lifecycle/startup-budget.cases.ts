import { type CasesOfRule, casesOf, COMPOSE, KUBE, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-012", [
  {
    name: "startup budget",
    ...KUBE,
    from: "failureThreshold: 60",
    to: "failureThreshold: 12",
    at: "12",
  },
  {
    name: "progress deadline",
    ...KUBE,
    from: "progressDeadlineSeconds: 600",
    to: "progressDeadlineSeconds: 120",
    at: "120",
  },
  {
    name: "systemd gives up",
    ...UNIT,
    from: "TimeoutStartSec=340",
    to: "TimeoutStartSec=60",
    at: "TimeoutStartSec",
  },
  {
    name: "compose gives up",
    ...COMPOSE,
    from: "start_period: 300s",
    to: "start_period: 20s",
    at: "start_period",
  },
]);
