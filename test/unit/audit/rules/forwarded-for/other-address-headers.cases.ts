import { type CasesOfRule, casesOf, CADDY, INC, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-011", [
  {
    name: "CF-Connecting-IP passed on",
    base: "nginx",
    file: INC,
    from: 'proxy_set_header CF-Connecting-IP "";\n',
    to: "",
    at: "proxy_pass",
  },
  {
    name: "Forwarded passed on",
    ...CADDY,
    from: "\t\t\theader_up -Forwarded\n",
    to: "",
    at: "reverse_proxy",
  },
  {
    name: "the gateway removes too little",
    ...KUBE,
    from: "remove: [Forwarded, X-Real-IP,",
    to: "remove: [Forwarded,",
    at: "remove",
  },
]);
