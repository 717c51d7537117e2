import { type CasesOfRule, casesOf, INC, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-002", [
  {
    name: "literal upgrade",
    base: "nginx",
    file: INC,
    from: "Connection $gigastt_connection",
    to: 'Connection "upgrade"',
    at: "Connection",
  },
  { name: "map that closes", ...NGINX, from: "'' ''", to: "'' close", at: "close" },
  {
    name: "map without the empty entry",
    ...NGINX,
    from: "default upgrade; '' '';",
    to: "default upgrade;",
    at: "map",
  },
]);
