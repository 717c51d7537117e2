import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-015", [
  {
    name: "immediate flush",
    ...CADDY,
    from: "header_up -Authorization",
    to: "header_up -Authorization\n\t\t\tflush_interval -1",
    at: "flush_interval",
  },
]);
