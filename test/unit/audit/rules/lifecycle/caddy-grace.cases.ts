import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-005", [
  { name: "eternal grace", ...CADDY, from: "\tgrace_period 15s\n", to: "" },
  {
    name: "grace below drain",
    ...CADDY,
    from: "grace_period 15s",
    to: "grace_period 3s",
    at: "3s",
  },
]);
