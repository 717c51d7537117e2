import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-003", [
  {
    name: "proxy container asks itself",
    base: "compose",
    file: "Caddyfile",
    from: "\t\treverse_proxy gigastt:9876 {",
    to: "\t\treverse_proxy 127.0.0.1:9876 {",
    at: "127.0.0.1",
  },
  {
    name: "server bound to loopback",
    ...COMPOSE,
    from: '"serve"]',
    to: '"serve", "--host", "127.0.0.1"]',
    at: "--host",
  },
  {
    name: "nginx container asks itself",
    base: "compose-nginx",
    file: "nginx.conf",
    from: "server backend:8080 resolve",
    to: "server 127.0.0.1:8080",
    at: "127.0.0.1",
  },
  {
    name: "an inline config that listens on loopback",
    ...COMPOSE,
    from: "networks:\n  edge:",
    to: "configs:\n  gigastt:\n    content: |\n      server:\n        host: 127.0.0.1\nnetworks:\n  edge:",
    at: "host: 127.0.0.1",
  },
]);
