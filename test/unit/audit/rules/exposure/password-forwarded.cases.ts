import { type CasesOfRule, casesOf, CADDY, INC } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-007", [
  {
    name: "nginx passes the password on",
    base: "nginx",
    file: INC,
    from: 'proxy_set_header Authorization "";\n',
    to: "",
  },
  {
    name: "Caddy passes the password on",
    ...CADDY,
    from: "\t\t\theader_up -Authorization\n",
    to: "",
  },
]);
