import { type CasesOfRule, casesOf, COMPOSE } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-EXP-011", [
  {
    name: "unquoted hash",
    base: "compose",
    file: ".env",
    from: "='$2a$14$abcdefghijklmnopqrstuuHVvHfVwGbcP6bZr8xqC1c8x6y7z8a9b'",
    to: "=$2a$14$abcdefghijklmnopqrstuuHVvHfVwGbcP6bZr8xqC1c8x6y7z8a9b",
  },
  {
    name: "hash in the YAML",
    ...COMPOSE,
    from: "    environment:\n",
    to: "    environment:\n      ADMIN_HASH: $2a$14$abcdefghijklmnopqrstuuHVvHfVwGbcP6bZr8xqC1c8x6y7z8a9b\n",
    at: "ADMIN_HASH",
  },
]);
