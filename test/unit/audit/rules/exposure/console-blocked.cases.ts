import { CADDY, type CasesOfRule, casesOf, KUBE, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-020", [
  {
    name: "a policy without any source",
    ...NGINX,
    from: "    add_header Referrer-Policy",
    to: "    add_header Content-Security-Policy \"default-src 'none'\" always;\n    add_header Referrer-Policy",
    at: "Content-Security-Policy",
  },
  {
    name: "no microphone",
    ...NGINX,
    from: "    add_header Referrer-Policy",
    to: '    add_header Permissions-Policy "camera=(), microphone=()" always;\n    add_header Referrer-Policy',
    at: "microphone",
  },
  {
    name: "Caddy, scripts of another host only by hash",
    ...CADDY,
    from: "\t\tReferrer-Policy",
    to: "\t\tContent-Security-Policy \"default-src 'self'; script-src 'sha256-abc='\"\n\t\tReferrer-Policy",
    at: "script-src",
  },
  {
    name: "a route of the Gateway",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "all.yaml":
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: all}\nspec:\n  parentRefs: [{name: public}]\n  rules:\n    - filters:\n        - type: ResponseHeaderModifier\n          responseHeaderModifier:\n            set: [{name: Content-Security-Policy, value: \"default-src 'none'\"}]\n      backendRefs: [{name: gigastt, port: 9876}]\n",
    },
    at: "Content-Security-Policy",
  },
]);
