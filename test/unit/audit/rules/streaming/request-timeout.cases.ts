import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-005", [
  {
    name: "read timer below the budget",
    ...NGINX,
    from: "proxy_read_timeout 930s",
    to: "proxy_read_timeout 600s",
    at: "600s",
  },
  { name: "read timer not set", ...NGINX, from: "      proxy_read_timeout 930s;\n", to: "" },
]);
