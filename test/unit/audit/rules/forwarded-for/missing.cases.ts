import { type CasesOfRule, casesOf, INC, NGINX, WS } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-002", [
  {
    name: "missing header",
    base: "nginx",
    file: INC,
    from: "proxy_set_header X-Forwarded-For $remote_addr;\n",
    to: "",
  },
  {
    name: "list lost by inheritance",
    ...NGINX,
    from: WS,
    to: "proxy_set_header Upgrade $http_upgrade;\n      proxy_set_header Connection $gigastt_connection;\n      proxy_http_version 1.1;\n      proxy_pass http://gigastt;\n      proxy_read_timeout 330s;\n      proxy_send_timeout 330s;",
    also: [
      {
        file: "nginx.conf",
        from: "client_max_body_size",
        to: "proxy_set_header X-Forwarded-For $remote_addr;\n    client_max_body_size",
      },
    ],
  },
]);
