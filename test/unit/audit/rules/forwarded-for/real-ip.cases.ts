import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-006", [
  {
    name: "every client trusted",
    ...NGINX,
    from: '    auth_basic "gigastt";',
    to: '    set_real_ip_from 0.0.0.0/0;\n    auth_basic "gigastt";',
    at: "set_real_ip_from",
  },
  {
    name: "CDN declared, nginx does not know",
    ...NGINX,
    from: "",
    to: "",
    assume: { "deploy.cdnCidrs": "203.0.113.0/24" },
  },
  {
    name: "CDN declared, Caddy does not know",
    ...CADDY,
    from: "",
    to: "",
    assume: { "deploy.cdnCidrs": "203.0.113.0/24" },
  },
]);
