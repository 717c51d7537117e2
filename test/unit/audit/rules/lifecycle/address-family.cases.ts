import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-020", [
  {
    name: "the refusing server on IPv6 too, the named one not",
    ...NGINX,
    from: "    listen 443 ssl default_server;",
    to: "    listen 443 ssl default_server;\n    listen [::]:443 ssl default_server;",
    at: "listen 443 ssl;",
  },
]);
