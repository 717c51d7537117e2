import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-016", [
  {
    name: "endless header",
    ...NGINX,
    from: "  server_tokens off;",
    to: "  server_tokens off;\n  client_header_timeout 10m;",
    at: "client_header_timeout",
  },
  {
    name: "endless body",
    ...NGINX,
    from: "  server_tokens off;",
    to: "  server_tokens off;\n  client_body_timeout 30m;",
    at: "client_body_timeout",
  },
  {
    name: "Caddy 2.8 without read_header",
    ...CADDY,
    from: "read_header 15s",
    to: "idle 5m",
    at: "servers",
    versions: { caddy: "2.8.4" },
  },
  {
    name: "long read_header",
    ...CADDY,
    from: "read_header 15s",
    to: "read_header 10m",
    at: "read_header",
  },
]);
