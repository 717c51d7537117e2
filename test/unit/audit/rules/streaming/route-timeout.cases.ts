import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-007", [
  {
    name: "no timeouts",
    ...KUBE,
    from: "      timeouts: {request: 0s, backendRequest: 0s}\n",
    to: "",
  },
  {
    name: "short request",
    ...KUBE,
    from: "{request: 0s, backendRequest",
    to: "{request: 60s, backendRequest",
    at: "60s",
  },
]);
