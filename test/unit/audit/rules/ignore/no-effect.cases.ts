import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-IGN-001", [
  {
    name: "no reason",
    ...NGINX,
    from: "server_tokens off;",
    to: "server_tokens off; # gigastt-audit ignore[GA-XFF-001]",
    at: "gigastt-audit",
  },
  {
    name: "expired",
    ...NGINX,
    from: "server_tokens off;",
    to: "server_tokens off; # gigastt-audit ignore[GA-XFF-001] until=2026-01-31 waiting for the CDN",
    at: "gigastt-audit",
  },
]);
