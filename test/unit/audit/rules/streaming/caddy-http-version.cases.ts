import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-003", [
  {
    name: "h2c",
    ...CADDY,
    from: "keepalive 30s\n",
    to: "keepalive 30s\n\t\t\t\tversions h2c\n",
    at: "versions",
  },
  {
    name: "h1 as version",
    ...CADDY,
    from: "keepalive 30s\n",
    to: "keepalive 30s\n\t\t\t\tversions h1 2\n",
    at: "versions",
  },
]);
