import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-010", [
  {
    name: "network without IPv6",
    ...COMPOSE,
    from: "enable_ipv6: true",
    to: "enable_ipv6: false",
    assume: { "rateLimit.perMinute": "60", "server.trustedProxies": "172.30.0.0/16" },
    at: "enable_ipv6",
  },
]);
