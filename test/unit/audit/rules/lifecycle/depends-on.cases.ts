import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-015", [
  {
    name: "short form",
    ...COMPOSE,
    from: "depends_on: {gigastt: {condition: service_healthy}}",
    to: "depends_on: [gigastt]",
    at: "depends_on",
  },
  {
    name: "no health check",
    ...COMPOSE,
    from: `    healthcheck:\n      test: ["CMD", "node", "-e", "fetch('http://127.0.0.1:9876/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]\n      start_period: 300s\n`,
    to: "",
  },
]);
