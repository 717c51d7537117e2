import { type CasesOfRule, casesOf, COMPOSE, KUBE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-013", [
  {
    name: "tracked by git",
    base: "compose",
    file: ".env",
    from: "GIGASTT_BASIC_AUTH_HASH",
    to: "API_TOKEN='x'\nGIGASTT_BASIC_AUTH_HASH",
    git: { tracked: new Set([".env"]), exposed: new Set() },
  },
  {
    name: "password in the compose file",
    ...COMPOSE,
    from: "    environment:\n",
    to: "    environment:\n      ADMIN_PASSWORD: hunter2\n",
    at: "ADMIN_PASSWORD",
  },
  {
    name: "password in a manifest",
    ...KUBE,
    from: "          ports: [{name: http",
    to: "          env: [{name: API_TOKEN, value: abcdef123}]\n          ports: [{name: http",
    at: "API_TOKEN",
  },
]);
