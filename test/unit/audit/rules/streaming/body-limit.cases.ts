import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-008", [
  { name: "nginx default", ...NGINX, from: "    client_max_body_size 52428800;\n", to: "" },
  { name: "smaller at nginx", ...NGINX, from: "52428800", to: "10m", at: "10m" },
  { name: "decimal megabytes at Caddy", ...CADDY, from: "52428800", to: "50MB", at: "50MB" },
  {
    name: "no limit at Caddy",
    ...CADDY,
    from: "\trequest_body {\n\t\tmax_size 52428800\n\t}\n",
    to: "",
  },
  {
    name: "config changed, proxy did not",
    base: "nginx",
    file: "gigastt.config.yaml",
    from: "body: 50MiB",
    to: "body: 100MiB",
    also: [{ file: "nginx.conf", from: "gzip off;", to: "gzip off; # x" }],
  },
]);
