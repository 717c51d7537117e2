import { type CasesOfRule, casesOf, CADDY, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-013", [
  { name: "body timeout", ...CADDY, from: "read_header 15s", to: "read_body 60s", at: "read_body" },
  { name: "route timeout", ...KUBE, from: "request: 1210s", to: "request: 30s", at: "30s" },
]);
