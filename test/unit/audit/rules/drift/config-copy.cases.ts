import { type CasesOfRule, casesOf } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-DRF-003", [
  {
    name: "the copy drains longer",
    base: "caddy",
    file: "Caddyfile",
    from: "",
    to: "",
    add: {
      "compose/gigastt.config.yaml":
        "server:\n  host: 0.0.0.0\n  allowBindAny: true\n  trustedProxies: [172.30.98.0/24]\n  allowedOrigins: [https://stt.example.com]\nsession:\n  idleTimeout: 900s\n",
    },
    at: "idleTimeout",
  },
]);
