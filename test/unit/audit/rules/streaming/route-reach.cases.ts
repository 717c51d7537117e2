import { CADDY, type CasesOfRule, casesOf, KUBE, NGINX } from "../../../../support/audit-case.ts";

const LAST =
  "    location / {\n      limit_req zone=gigastt_rps burst=10 nodelay;\n      include gigastt-proxy.inc;\n      proxy_pass http://gigastt;";
const at = (location: string, pass: string): string =>
  LAST.replace("location /", location).replace("proxy_pass http://gigastt;", pass);

export const cases: CasesOfRule = casesOf("GA-STR-018", [
  {
    name: "prefix not removed",
    ...NGINX,
    from: LAST,
    to: at("location /stt/", "proxy_pass http://gigastt;"),
    at: "proxy_pass",
  },
  {
    name: "two slashes",
    ...NGINX,
    from: LAST,
    to: at("location /stt", "proxy_pass http://gigastt/;"),
    at: "proxy_pass",
  },
  {
    name: "regex location without a capture",
    ...NGINX,
    from: LAST,
    to: at("location ~ ^/stt/", "proxy_pass http://127.0.0.1:9876;"),
    at: "9876",
  },
  {
    name: "the whole path again",
    ...NGINX,
    from: LAST,
    to: at("location /stt/", "proxy_pass http://127.0.0.1:9876$request_uri;"),
    at: "$request_uri",
  },
  {
    name: "a page's fallback takes the WebSocket",
    ...NGINX,
    from: "",
    to: "",
    add: {
      "spa/nginx.conf":
        "events {}\nhttp { server { listen 80;\n    location / { try_files $uri /index.html; }\n    location /v1/transcribe { proxy_pass http://127.0.0.1:9876; }\n} }\n",
    },
    at: "try_files",
  },
  {
    name: "Caddy does not remove the prefix",
    ...CADDY,
    from: "",
    to: "",
    add: { "sub/Caddyfile": "example.com {\n\treverse_proxy /stt/* 127.0.0.1:9876\n}\n" },
    at: "/stt/*",
  },
  {
    name: "Caddy's try_files runs first",
    ...CADDY,
    from: "",
    to: "",
    add: {
      "spa/Caddyfile":
        "example.com {\n\troot * /srv\n\ttry_files {path} /index.html\n\treverse_proxy /v1/* 127.0.0.1:9876\n\tfile_server\n}\n",
    },
    at: "try_files",
  },
  {
    name: "a variable in proxy_pass: its slash replaces the path",
    ...NGINX,
    from: LAST,
    to: at("location /stt/", "set $up http://127.0.0.1:9876; proxy_pass $up/;"),
    at: "$up/",
  },
  {
    name: "the server's own prefix removed",
    ...NGINX,
    from: LAST,
    to: at("location /v1/", "proxy_pass http://127.0.0.1:9876/;"),
    at: "9876/",
  },
  {
    name: "a regular expression takes the WebSocket",
    ...NGINX,
    from: "",
    to: "",
    add: {
      "regex/nginx.conf":
        "events {}\nhttp { server { listen 80;\n    location /v1/ { proxy_pass http://127.0.0.1:9876; }\n    location ~ /ws$ { proxy_pass http://127.0.0.1:3000; }\n} }\n",
    },
    at: "/ws$",
  },
  ...(
    [
      [
        "uri strip_prefix before a matcher that needs the prefix",
        "uri strip_prefix /stt\n\treverse_proxy /stt/*",
        "uri",
      ],
      ["rewrite to another prefix", "rewrite /stt/* /api{uri}\n\treverse_proxy /stt/*", "rewrite"],
      ["uri strip_prefix of another prefix", "uri strip_prefix /speech\n\treverse_proxy /stt/*", "reverse_proxy"],
      [
        "a route where try_files comes first",
        "route {\n\ttry_files {path} /index.html\n\treverse_proxy /v1/*",
        "try_files",
      ],
    ] as const
  ).map(([name, text, at]) => ({
    name: `Caddy, ${name}`,
    ...CADDY,
    from: "",
    to: "",
    add: { "way/Caddyfile": `example.com {\n\t${text} 127.0.0.1:9876\n${text.startsWith("route") ? "\t}\n" : ""}}\n` },
    at,
  })),
  {
    name: "Caddy, the WebSocket falls to the page",
    ...CADDY,
    from: "",
    to: "",
    add: {
      "page/Caddyfile":
        "example.com {\n\thandle /v1/transcribe {\n\t\treverse_proxy 127.0.0.1:9876\n\t}\n\thandle {\n\t\ttry_files {path} /index.html\n\t\tfile_server\n\t}\n}\n",
    },
    at: "try_files",
  },
  ...(["/", "/$1"] as const).map((target) => ({
    name: `Ingress, rewrite-target ${target}`,
    ...KUBE,
    from: "",
    to: "",
    add: {
      "ingress.yaml": `apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: stt\n  annotations:\n    nginx.ingress.kubernetes.io/rewrite-target: ${target}\nspec:\n  rules:\n    - http:\n        paths:\n          - {path: "/stt(/|$)(.*)", pathType: ImplementationSpecific, backend: {service: {name: gigastt, port: {number: 9876}}}}\n`,
    },
    at: "rewrite-target",
  })),
  {
    name: "HTTPRoute without a rewrite",
    ...KUBE,
    from: "",
    to: "",
    add: {
      "route.yaml":
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: sub}\nspec:\n  parentRefs: [{name: public}]\n  rules:\n    - matches: [{path: {type: PathPrefix, value: /stt}}]\n      backendRefs: [{name: gigastt, port: 9876}]\n",
    },
    at: "/stt",
  },
]);
