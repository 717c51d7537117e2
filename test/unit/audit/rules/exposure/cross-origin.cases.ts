import { CADDY, type CasesOfRule, casesOf, INC, KUBE, NGINX, WS } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-022", [
  {
    name: "nginx adds a second header",
    ...NGINX,
    from: WS,
    to: `${WS}\n      add_header Access-Control-Allow-Origin * always;`,
    at: "add_header Access-Control-Allow-Origin",
  },
  {
    name: "nginx reflects every origin",
    ...NGINX,
    from: WS,
    to: `${WS}\n      proxy_hide_header Access-Control-Allow-Origin;\n      add_header Access-Control-Allow-Origin $http_origin always;`,
    at: "add_header Access-Control-Allow-Origin",
  },
  {
    name: "nginx removes Origin",
    base: "nginx",
    file: INC,
    from: "proxy_set_header X-Forwarded-For $remote_addr;",
    to: 'proxy_set_header X-Forwarded-For $remote_addr;\nproxy_set_header Origin "";',
    at: "Origin",
  },
  {
    name: "Caddy adds a second header",
    ...CADDY,
    from: "\treverse_proxy",
    to: "\theader Access-Control-Allow-Origin *\n\treverse_proxy",
    at: "Access-Control-Allow-Origin",
  },
  {
    name: "Caddy removes Origin",
    ...CADDY,
    from: "\treverse_proxy",
    to: "\trequest_header -Origin\n\treverse_proxy",
    at: "-Origin",
  },
  {
    name: "an Ingress answers with *",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "ingress.yaml": `apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: gigastt
  namespace: stt
  annotations:
    nginx.ingress.kubernetes.io/enable-cors: "true"
spec:
  ingressClassName: nginx
  rules:
    - host: stt.example.com
      http:
        paths:
          - path: /
            pathType: Prefix
            backend: { service: { name: gigastt, port: { number: 9876 } } }
`,
    },
    at: "enable-cors",
  },
]);
