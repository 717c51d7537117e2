import { type CasesOfRule, casesOf, INC } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-001", [
  {
    name: "appended header",
    base: "nginx",
    file: INC,
    from: "X-Forwarded-For $remote_addr",
    to: "X-Forwarded-For $proxy_add_x_forwarded_for",
    at: "$proxy_add",
  },
  {
    name: "copied header",
    base: "nginx",
    file: INC,
    from: "X-Forwarded-For $remote_addr",
    to: 'X-Forwarded-For "${http_x_forwarded_for}"',
    at: "${http_x",
  },
]);
