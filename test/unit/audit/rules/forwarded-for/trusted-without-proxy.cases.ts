import { type CasesOfRule, casesOf, COMPOSE, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-008", [
  {
    name: "NodePort beside trust",
    ...KUBE,
    from: "type: ClusterIP",
    to: "type: NodePort",
    assume: { "server.trustedProxies": "10.0.0.0/8" },
    at: "NodePort",
  },
  {
    name: "published port beside trust",
    ...COMPOSE,
    from: 'expose: ["9876"]',
    to: 'ports: ["9876:9876"]',
    assume: { "server.trustedProxies": "172.30.0.0/16" },
    at: "9876:9876",
  },
]);
