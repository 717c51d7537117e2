import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-009", [
  {
    name: "full forwarded-for",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "controller.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller}\ndata:\n  compute-full-forwarded-for: "true"\n',
    },
    at: "compute-full",
  },
  {
    name: "forwarded headers of every client",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "controller.yaml":
        'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ingress-nginx-controller}\ndata:\n  use-forwarded-headers: "true"\n',
    },
    at: "use-forwarded",
  },
]);
