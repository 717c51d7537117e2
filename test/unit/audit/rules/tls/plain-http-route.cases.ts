import { type CasesOfRule, casesOf, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-TLS-006", [
  {
    name: "a route on every listener",
    ...KUBE,
    from: "  hostnames: [stt.example.com]\n  rules:\n    - matches:\n        - path: {type: Exact",
    to: "  parentRefs: [{name: public}]\n  hostnames: [stt.example.com]\n  rules:\n    - matches:\n        - path: {type: Exact",
    at: "name: public",
  },
  {
    name: "a route on a Gateway with a plain listener",
    ...KUBE,
    from: "  hostnames: [stt.example.com]\n  rules:\n    - matches:\n        - path: {type: Exact",
    to: "  parentRefs: [{name: public}]\n  hostnames: [stt.example.com]\n  rules:\n    - matches:\n        - path: {type: Exact",
    add: {
      "gateway.yaml":
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: public}\nspec:\n  gatewayClassName: envoy\n  listeners:\n    - {name: http, port: 80, protocol: HTTP}\n    - {name: https, port: 443, protocol: HTTPS}\n",
    },
    at: "name: public",
  },
  {
    name: "an Ingress without tls",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "ingress.yaml":
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: stt}\nspec:\n  ingressClassName: traefik\n  rules:\n    - host: stt.example.com\n      http:\n        paths:\n          - {path: /, pathType: Prefix, backend: {service: {name: gigastt, port: {number: 9876}}}}\n",
    },
    at: "host: stt.example.com",
  },
]);
