import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-015", [
  { name: "TCP by default", ...CADDY, from: "\tadmin unix//run/caddy/admin.sock\n", to: "" },
  {
    name: "open to the network",
    ...CADDY,
    from: "admin unix//run/caddy/admin.sock",
    to: "admin 0.0.0.0:2019",
    at: "admin",
  },
]);
