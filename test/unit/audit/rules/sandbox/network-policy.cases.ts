import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-005", [
  {
    name: "API token",
    ...KUBE,
    from: "      automountServiceAccountToken: false\n",
    to: "      automountServiceAccountToken: true\n",
    at: "automount",
  },
  {
    name: "no policy",
    ...KUBE,
    from: "  policyTypes: [Ingress, Egress]",
    to: "  policyTypes: [Egress]",
  },
  {
    name: "way out open",
    ...KUBE,
    from: "  policyTypes: [Ingress, Egress]",
    to: "  policyTypes: [Ingress]",
    assume: { "model.offline": "true" },
  },
  {
    name: "policy open to all pods",
    ...KUBE,
    from: "ingress: [{from: [{namespaceSelector: {matchLabels: {name: gateway}}}], ports: [{port: 9876}]}]",
    to: "ingress: [{ports: [{port: 9876}]}]",
    at: "ingress",
  },
]);
