import { type CasesOfRule, casesOf, COMPOSE, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-009", [
  {
    name: "origin not allowed",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: '["https://stt.example.com"]',
    to: '["https://other.example.com"]',
  },
  {
    name: "plain origin",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: '["https://stt.example.com"]',
    to: '["https://stt.example.com", "http://app.example.com"]',
    at: "allowedOrigins",
  },
  {
    name: "without our config",
    ...COMPOSE,
    from: "    environment:\n      ALLOWED_ORIGINS: https://stt.example.com\n",
    to: "",
  },
  {
    name: "no site serves the public name",
    ...NGINX,
    from: "server_name stt.example.com;\n    ssl_certificate",
    to: "server_name old.example.com;\n    ssl_certificate",
    at: "old.example.com",
    assume: { "deploy.domain": "stt.example.com" },
  },
]);
