import { type CasesOfRule, casesOf, UNIT } from "../../../../support/audit-case.ts";

export const cases: CasesOfRule = casesOf("GA-SBX-007", [
  { name: "capabilities kept", ...UNIT, from: "CapabilityBoundingSet=\n", to: "" },
  { name: "runs as root", ...UNIT, from: "User=gigastt\n", to: "", at: "Service" },
  {
    name: "one setting off",
    ...UNIT,
    from: "LockPersonality=yes",
    to: "LockPersonality=no",
    at: "LockPersonality",
  },
]);
