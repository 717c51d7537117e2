import { CADDY, type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

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
]);
