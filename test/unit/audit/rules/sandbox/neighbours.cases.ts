import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-009", [
  {
    name: "a proxy with all capabilities",
    ...COMPOSE,
    from: "    cap_drop: [ALL]\n    cap_add",
    to: "    cap_add",
    at: "proxy",
  },
  {
    name: "a proxy with setuid",
    ...COMPOSE,
    from: '    security_opt: ["no-new-privileges:true"]\n    deploy: {resources: {limits: {memory: 256M',
    to: "    deploy: {resources: {limits: {memory: 256M",
    at: "proxy",
  },
]);
