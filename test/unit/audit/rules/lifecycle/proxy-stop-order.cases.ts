import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-009", [
  {
    name: "proxy stops first",
    ...COMPOSE,
    from: "# Stop with `gigastt down`: the server drains before the proxy goes.\n",
    to: "",
    at: "depends_on",
  },
]);
