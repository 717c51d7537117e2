import { type CasesOfRule, casesOf, CADDY, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-010", [
  {
    name: "event stream in gzip_types",
    ...NGINX,
    from: "  server_tokens off;",
    to: "  server_tokens off;\n  gzip on;\n  gzip_types application/json text/event-stream;",
    also: [{ file: "nginx.conf", from: "      gzip off;\n", to: "" }],
    at: "gzip_types",
  },
  {
    name: "encode on the whole site",
    ...CADDY,
    from: "\trequest_body",
    to: "\tencode gzip\n\trequest_body",
    at: "encode",
  },
]);
