import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-016", [
  {
    name: "inline scripts",
    ...NGINX,
    from: "    add_header Referrer-Policy",
    to: "    add_header Content-Security-Policy \"default-src 'self'; script-src 'self' 'unsafe-inline'\" always;\n    add_header Referrer-Policy",
    at: "Content-Security-Policy",
  },
  {
    name: "any host",
    ...CADDY,
    from: "\t\tReferrer-Policy",
    to: "\t\tContent-Security-Policy \"default-src 'self'; connect-src 'self' ws: wss:\"\n\t\tReferrer-Policy",
    at: "Content-Security-Policy",
  },
]);
