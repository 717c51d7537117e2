import { type CasesOfRule, casesOf, INC, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-STR-001", [
  {
    name: "no Upgrade header",
    base: "nginx",
    file: INC,
    from: "proxy_set_header Upgrade $http_upgrade;\n",
    to: "",
  },
  {
    name: "HTTP/1.0 upstream",
    base: "nginx",
    file: INC,
    from: "proxy_http_version 1.1",
    to: "proxy_http_version 1.0",
  },
  {
    name: "version not set on an old nginx",
    base: "nginx",
    file: INC,
    from: "proxy_http_version 1.1;\n",
    to: "",
    versions: { nginx: "1.22.1" },
  },
  {
    name: "map without upgrade",
    ...NGINX,
    from: "default upgrade; '' '';",
    to: "'' '';",
    at: "proxy_pass",
  },
]);
