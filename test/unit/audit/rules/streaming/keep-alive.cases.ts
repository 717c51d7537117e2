import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-012", [
  {
    name: "nginx keeps longer",
    ...NGINX,
    from: "keepalive_timeout 30s",
    to: "keepalive_timeout 75s",
    at: "75s",
  },
  {
    name: "Caddy's default",
    ...CADDY,
    from: "\t\t\ttransport http {\n\t\t\t\tkeepalive 30s\n\t\t\t}\n",
    to: "",
  },
]);
