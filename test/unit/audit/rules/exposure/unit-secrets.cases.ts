import { type CasesOfRule, casesOf, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-014", [
  {
    name: "environment in the journal",
    base: "systemd",
    file: "caddy.service.d/gigastt.conf",
    from: "caddy run --config",
    to: "caddy run --environ --config",
    at: "--environ",
  },
  {
    name: "secret in Environment=",
    ...UNIT,
    from: "User=gigastt",
    to: "User=gigastt\nEnvironment=GIGASTT_API_TOKEN=abc",
    at: "Environment",
  },
]);
