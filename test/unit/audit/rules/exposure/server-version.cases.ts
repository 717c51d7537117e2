import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-019", [
  {
    name: "version in every answer",
    ...NGINX,
    from: "server_tokens off",
    to: "server_tokens on",
    at: "server_tokens",
  },
  {
    name: "nothing said about the version",
    ...NGINX,
    from: "  server_tokens off;\n",
    to: "",
    at: "server_name",
  },
]);
