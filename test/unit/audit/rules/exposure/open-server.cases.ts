import { type CasesOfRule, casesOf } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-004", [
  {
    name: "bound to the network",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: "server:\n",
    to: "server:\n  host: 0.0.0.0\n  allowBindAny: true\n",
    at: "host",
  },
  {
    name: "keys in clear text",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: "server:\n",
    to: "auth:\n  keys: required\nserver:\n  host: 0.0.0.0\n  allowBindAny: true\n",
    at: "host",
  },
  {
    name: "every page",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: '  allowedOrigins: ["https://stt.example.com"]\n',
    to: "  corsAllowAny: true\n",
    at: "corsAllowAny",
  },
]);
