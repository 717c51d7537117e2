import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-017", [
  {
    name: "a short time in a server that is not the default one",
    ...NGINX,
    from: "    client_max_body_size 52428800;\n    auth_basic",
    to: "    client_max_body_size 52428800;\n    client_header_timeout 15s;\n    auth_basic",
    at: "client_header_timeout",
  },
  {
    name: "a shorter time than the default server's",
    ...NGINX,
    from: "    client_max_body_size 52428800;\n    auth_basic",
    to: "    client_max_body_size 52428800;\n    client_header_timeout 5s;\n    auth_basic",
    also: [
      {
        file: "nginx.conf",
        from: "    ssl_reject_handshake on;",
        to: "    ssl_reject_handshake on;\n    client_header_timeout 30s;",
      },
    ],
    at: "client_header_timeout 5s",
  },
]);
