import { PARSED_KINDS } from "../../parts.ts";
import type { Rule } from "../../types.ts";

export const rule: Rule = {
  id: "GA-PRS-001",
  severity: "error",
  confidence: "certain",
  title: "The file cannot be read",
  why: "The program that reads the file refuses it, or reads something other than intended. What follows the mistake was not audited.",
  evidence: ["The parsers are compared with crossplane, `caddy adapt`, and the programs' own checks."],
  reads: PARSED_KINDS,
  fixKind: "manual",
  *check(facts) {
    for (const problem of facts.problems) {
      yield { span: problem.span, message: problem.message, fix: "Correct the syntax at this place." };
    }
  },
};
