import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-016", [
  {
    name: "inline scripts",
    ...NGINX,
    from: "default-src 'none'",
    to: "default-src 'self'; script-src 'self' 'unsafe-inline'",
    at: "Content-Security-Policy",
  },
  {
    name: "any host",
    ...CADDY,
    from: "default-src 'none'",
    to: "default-src 'self'; connect-src 'self' ws: wss:",
    at: "Content-Security-Policy",
  },
]);
