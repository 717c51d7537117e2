import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-XFF-004", [
  {
    name: "private ranges trusted",
    ...CADDY,
    from: "\t\t\theader_up X-Forwarded-For {remote_host}\n\t\t\theader_up -Authorization",
    to: "\t\t\ttrusted_proxies private_ranges\n\t\t\theader_up -Authorization",
    at: "trusted_proxies",
  },
  {
    name: "every address trusted in the servers option",
    ...CADDY,
    from: "\tservers {\n",
    to: "\tservers {\n\t\ttrusted_proxies static 0.0.0.0/0\n\t\ttrusted_proxies_strict\n",
    at: "trusted_proxies static",
  },
  {
    name: "Caddy copies the client's header",
    ...CADDY,
    from: "header_up X-Forwarded-For {remote_host}",
    to: "header_up X-Forwarded-For {header.X-Forwarded-For}",
    at: "{header.X",
  },
]);
