import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-PRS-002", [
  {
    name: "a file of 3 MiB",
    ...NGINX,
    from: "",
    to: "",
    add: { "sites-enabled/redirects.conf": "server { listen 80; }\n" },
    unread: { "sites-enabled/redirects.conf": "it is larger than 2 MiB" },
  },
]);
