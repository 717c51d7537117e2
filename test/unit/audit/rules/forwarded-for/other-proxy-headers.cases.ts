import { type CasesOfRule, casesOf, INC } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-003", [
  {
    name: "Host missing",
    base: "nginx",
    file: INC,
    from: "proxy_set_header Host $host;\n",
    to: "",
  },
  {
    name: "Forwarded left to the client",
    base: "nginx",
    file: INC,
    from: 'proxy_set_header Forwarded "";\n',
    to: "",
  },
]);
