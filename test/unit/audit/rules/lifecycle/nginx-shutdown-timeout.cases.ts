import { type CasesOfRule, casesOf, NGINX } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-LIF-006", [
  { name: "not set", ...NGINX, from: "worker_shutdown_timeout 3615s;\n", to: "" },
  {
    name: "below the session limit",
    ...NGINX,
    from: "worker_shutdown_timeout 3615s",
    to: "worker_shutdown_timeout 60s",
    at: "60s",
  },
]);
