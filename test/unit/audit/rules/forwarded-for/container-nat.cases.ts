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
  {
    name: "the server itself, published with a limit",
    ...COMPOSE,
    from: "",
    to: "",
    add: {
      "alone/compose.yaml":
        'services:\n  gigastt:\n    image: gigastt:0.1.0\n    ports: ["9876:9876"]\n    environment: {GIGASTT_RATE_LIMIT_PER_MINUTE: "30"}\n',
    },
    at: "9876:9876",
  },
]);
