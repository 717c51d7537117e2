import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-TLS-005", [
  { name: "old Caddy", ...COMPOSE, from: "caddy:2.11.4", to: "caddy:2.10.2", at: "caddy:" },
  {
    name: "old nginx",
    base: "compose-nginx",
    file: "compose.yaml",
    from: "nginx:1.30.4",
    to: "nginx:1.28.0",
    at: "nginx:",
  },
]);
