import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-007", [
  {
    name: "limit without trusted proxy",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: '  trustedProxies: ["127.0.0.1/32"]\n',
    to: "",
    at: "perMinute",
  },
  {
    name: "without our config",
    ...KUBE,
    from: "",
    to: "",
    assume: { "rateLimit.perMinute": "60" },
  },
  {
    name: "compose alone",
    base: "docker",
    file: "Dockerfile",
    from: "",
    to: "",
    add: {
      "compose.yaml":
        "services:\n  web:\n    image: caddy:2.11.4\n  gigastt:\n    image: gigastt:1\n    environment:\n      GIGASTT_RATE_LIMIT_PER_MINUTE: 60\n",
    },
    at: "GIGASTT_RATE_LIMIT_PER_MINUTE",
  },
]);
