import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-019", [
  {
    name: "a longer timeout for one route, without its pass",
    ...NGINX,
    from: "    location / {\n      limit_req",
    to: "    location = /v1/transcribe {\n      proxy_read_timeout 1h;\n    }\n    location / {\n      limit_req",
    at: "location = /v1/transcribe {",
  },
  {
    name: "headers only",
    ...NGINX,
    from: "    location / {\n      limit_req",
    to: "    location /v1/jobs {\n      include gigastt-proxy.inc;\n    }\n    location / {\n      limit_req",
    at: "location /v1/jobs",
  },
]);
