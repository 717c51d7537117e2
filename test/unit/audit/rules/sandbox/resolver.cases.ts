import { type CasesOfRule, casesOf } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-008", [
  {
    name: "name resolved once",
    base: "compose-nginx",
    file: "nginx.conf",
    from: "server backend:8080 resolve",
    to: "server backend:8080",
    at: "backend:8080",
  },
  {
    name: "literal proxy_pass",
    base: "compose-nginx",
    file: "nginx.conf",
    from: "proxy_pass http://backend;",
    to: "proxy_pass http://backend:8080;",
    also: [
      {
        file: "nginx.conf",
        from: "  upstream backend {\n    zone backend 64k;\n    server backend:8080 resolve;\n  }\n",
        to: "",
      },
    ],
    at: "proxy_pass",
  },
]);
