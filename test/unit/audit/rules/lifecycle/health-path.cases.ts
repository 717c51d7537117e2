import { type CasesOfRule, casesOf, COMPOSE, DOCKER, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-014", [
  {
    name: "localhost",
    ...DOCKER,
    from: "http://127.0.0.1:9876/ready",
    to: "http://localhost:9876/ready",
    at: "localhost",
  },
  {
    name: "curl in a slim image",
    ...DOCKER,
    from: `CMD ["node", "-e", "fetch('http://127.0.0.1:9876/ready').then(r=>process.exit(r.ok?0:1),()=>process.exit(1))"]`,
    to: "CMD curl -fsS http://127.0.0.1:9876/ready",
    at: "curl",
  },
  {
    name: "unknown path",
    ...KUBE,
    from: "readinessProbe: {httpGet: {path: /ready",
    to: "readinessProbe: {httpGet: {path: /healthz",
    at: "/healthz",
  },
  {
    name: "wrong port",
    ...COMPOSE,
    from: "127.0.0.1:9876/ready",
    to: "127.0.0.1:8080/ready",
    at: "8080",
  },
]);
