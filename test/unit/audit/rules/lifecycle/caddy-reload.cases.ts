import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-007", [
  {
    name: "no delay",
    ...CADDY,
    from: "header_up -Authorization\n\t\t\tstream_close_delay 3615s\n",
    to: "header_up -Authorization\n",
  },
  {
    name: "short delay",
    ...CADDY,
    from: "header_up -Authorization\n\t\t\tstream_close_delay 3615s\n",
    to: "header_up -Authorization\n\t\t\tstream_close_delay 10s\n",
    at: "10s",
  },
]);
