import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-005", [
  {
    name: "left-most address",
    ...CADDY,
    from: "\tservers {\n",
    to: "\tservers {\n\t\ttrusted_proxies static 203.0.113.0/24\n",
    at: "trusted_proxies",
  },
]);
