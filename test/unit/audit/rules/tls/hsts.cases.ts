import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-TLS-002", [
  {
    name: "missing",
    ...NGINX,
    from: '    add_header Strict-Transport-Security "max-age=63072000" always;\n',
    to: "",
  },
  {
    name: "without always",
    ...NGINX,
    from: '"max-age=63072000" always',
    to: '"max-age=63072000"',
    at: "Strict",
  },
  { name: "too short", ...NGINX, from: "max-age=63072000", to: "max-age=86400", at: "Strict" },
  {
    name: "lost in a location",
    ...NGINX,
    from: "      gzip off;\n",
    to: "      gzip off;\n      add_header Cache-Control no-store;\n",
    at: "Cache-Control",
  },
  {
    name: "missing at Caddy",
    ...CADDY,
    from: '\t\tStrict-Transport-Security "max-age=63072000"\n',
    to: "",
  },
  { name: "short in Caddy", ...CADDY, from: "max-age=63072000", to: "max-age=3600", at: "max-age" },
]);
