import { type CasesOfRule, casesOf, CADDY, KUBE, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-TLS-003", [
  {
    name: "host of the client",
    ...NGINX,
    from: "return 308 https://stt.example.com",
    to: "return 308 https://$host",
    at: "$host",
  },
  { name: "method lost", ...NGINX, from: "return 308", to: "return 301", at: "301" },
  {
    name: "error page 497",
    ...NGINX,
    from: "    http2 on;\n",
    to: "    http2 on;\n    error_page 497 https://stt.example.com$request_uri;\n",
    at: "497",
  },
  {
    name: "Caddy redirects by 301",
    ...CADDY,
    from: "\nstt.example.com {",
    to: "\nhttp://stt.example.com {\n\tredir https://stt.example.com{uri} permanent\n}\nstt.example.com {",
    at: "redir",
  },
  {
    name: "the gateway redirects by 302",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "redirect.yaml":
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: redirect, namespace: gigastt}\nspec:\n  hostnames: [stt.example.com]\n  rules:\n    - filters:\n        - type: RequestRedirect\n          requestRedirect: {scheme: https, statusCode: 302}\n",
    },
    at: "302",
  },
]);
