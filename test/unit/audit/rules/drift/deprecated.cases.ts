import { type CasesOfRule, casesOf, COMPOSE, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-DRF-002", [
  {
    name: "version key",
    ...COMPOSE,
    from: "name: gigastt\n",
    to: 'version: "3.8"\nname: gigastt\n',
    at: "version",
  },
  {
    name: "ingress-nginx",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "class.yaml":
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: nginx}\nspec: {controller: k8s.io/ingress-nginx}\n",
    },
  },
]);
