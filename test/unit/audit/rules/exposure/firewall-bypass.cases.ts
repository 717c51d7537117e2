import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-002", [
  {
    name: "ufw",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'expose: ["9876"]',
    add: { "setup.sh": "#!/bin/sh\nufw allow 443/tcp\nufw --force enable\n" },
    at: "ufw",
  },
  {
    name: "loopback on Docker 27",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'ports: ["127.0.0.1:9876:9876"]',
    versions: { docker: "27.5.1" },
  },
]);
