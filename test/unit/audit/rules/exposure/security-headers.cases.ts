import { type CasesOfRule, casesOf, CADDY, KUBE, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-017", [
  {
    name: "sniffing allowed",
    ...NGINX,
    from: "    add_header X-Content-Type-Options nosniff always;\n",
    to: "",
    at: "server_name",
  },
  {
    name: "not on error answers",
    ...NGINX,
    from: "X-Frame-Options DENY always",
    to: "X-Frame-Options DENY",
    at: "X-Frame-Options",
  },
  {
    name: "framing allowed by Caddy",
    ...CADDY,
    from: "\t\tX-Frame-Options DENY\n",
    to: "",
    at: "header {",
  },
  {
    name: "framing allowed by the route",
    ...KUBE,
    from: "              - {name: X-Frame-Options, value: DENY}\n",
    to: "",
    at: "set:",
  },
]);
