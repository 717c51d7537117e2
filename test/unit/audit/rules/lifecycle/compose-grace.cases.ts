import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-003", [
  { name: "default grace", ...COMPOSE, from: "    stop_grace_period: 20s\n", to: "" },
  {
    name: "short grace",
    ...COMPOSE,
    from: "stop_grace_period: 20s",
    to: "stop_grace_period: 12s",
    at: "12s",
  },
  {
    name: "the proxy's grace",
    ...COMPOSE,
    from: "    stop_grace_period: 30s\n",
    to: "",
    at: "proxy",
  },
]);
