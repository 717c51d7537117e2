import type { Rule } from "../../types.ts";
import { brokenIgnores, readIgnoreComments } from "../../suppress.ts";

export const rule: Rule = {
  id: "GA-IGN-001",
  severity: "warning",
  confidence: "certain",
  title: "An ignore comment has no effect",
  why: "A suppression without a reason, for a rule that does not exist, or past its date silences nothing, although its author expects it to.",
  evidence: ["zizmor and trivy demand reasons and expiry for the same cause."],
  reads: ["nginx", "caddyfile", "compose", "kubernetes", "systemd", "dockerfile", "dotenv"],
  fixKind: "manual",
  *check(facts, ids) {
    yield* brokenIgnores(
      facts.files.flatMap((file) => readIgnoreComments(file.source)),
      ids,
      facts.today,
    );
  },
};
