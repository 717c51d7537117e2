import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-010", [
  {
    name: "encode on the whole site",
    ...CADDY,
    from: "\trequest_body",
    to: "\tencode gzip\n\trequest_body",
    at: "encode",
  },
]);
