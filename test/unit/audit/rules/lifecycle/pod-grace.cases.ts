import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-001", [
  {
    name: "grace below pause and drain",
    ...KUBE,
    from: "terminationGracePeriodSeconds: 30",
    to: "terminationGracePeriodSeconds: 20",
    at: "20",
  },
  {
    name: "default grace, longer drain",
    ...KUBE,
    from: "      terminationGracePeriodSeconds: 30\n",
    to: "",
    assume: { "shutdown.drain": "30s" },
  },
]);
