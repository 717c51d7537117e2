import { type CasesOfRule, casesOf, CADDY } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-010", [
  {
    name: "name unknown to Caddy 2.6",
    ...CADDY,
    from: "",
    to: "",
    versions: { caddy: "2.6.2" },
    at: "basic_auth",
  },
  {
    name: "old name",
    ...CADDY,
    from: "basic_auth {",
    to: "basicauth {",
    versions: { caddy: "2.11.4" },
    at: "basicauth",
  },
  {
    name: "plain password",
    ...CADDY,
    from: "{env.GIGASTT_BASIC_AUTH_HASH}",
    to: "hunter2",
    at: "hunter2",
  },
  {
    name: "weak hash",
    base: "secrets",
    file: "htpasswd",
    from: "admin:$2y$10$",
    to: "olga:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\nadmin:$2y$10$",
    at: "olga",
  },
]);
