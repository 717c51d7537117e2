import { type CasesOfRule, casesOf, COMPOSE, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-PRS-001", [
  {
    name: "missing semicolon",
    ...NGINX,
    from: "server_tokens off;",
    to: "server_tokens off",
    at: "server_tokens",
  },
  { name: "broken YAML", ...COMPOSE, from: "cap_drop: [ALL]", to: "cap_drop: [ALL", also: [] },
]);
