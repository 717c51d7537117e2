import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-008", [
  {
    name: "metrics without password",
    ...NGINX,
    from: "    location = /metrics { return 404; }\n",
    to: "",
    also: [
      {
        file: "nginx.conf",
        from: "location / {\n      limit_req",
        to: "location / {\n      auth_basic off;\n      limit_req",
      },
    ],
  },
  {
    name: "metrics through Caddy",
    ...CADDY,
    from: "\thandle /metrics {\n\t\trespond 404\n\t}\n\thandle {\n\t\tbasic_auth {\n\t\t\tadmin {env.GIGASTT_BASIC_AUTH_HASH}\n\t\t}\n",
    to: "\thandle {\n",
  },
]);
