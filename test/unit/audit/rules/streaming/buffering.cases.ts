import { CADDY, type CasesOfRule, casesOf, INC } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-009", [
  {
    name: "the server's wish is ignored",
    base: "nginx",
    file: INC,
    from: "proxy_http_version 1.1;",
    to: "proxy_http_version 1.0;\nproxy_ignore_headers X-Accel-Buffering;",
    also: [{ file: "nginx.conf", from: "proxy_buffering off;\n      gzip off;", to: "gzip off;" }],
  },
  {
    name: "Caddy collects the answer",
    ...CADDY,
    from: "",
    to: "",
    add: {
      "all/Caddyfile": "example.com {\n\treverse_proxy 127.0.0.1:9876 {\n\t\tresponse_buffers 1MiB\n\t}\n}\n",
    },
    at: "response_buffers",
  },
]);
