import { PARSED_KINDS } from "../../parts.ts";
import type { Rule } from "../../types.ts";

export const rule: Rule = {
  id: "GA-PRS-002",
  severity: "warning",
  confidence: "certain",
  title: "A file was not audited",
  why: "The audit says nothing about this file, and what other files take from it is missing too: a report without findings would read as approval of a file that was not looked at.",
  evidence: [
    "A file above 2 MiB, one in UTF-16, one that this user may not read, a folder of more than 20 000 files: where name or beginning say that it is configuration, or where it was named.",
  ],
  reads: PARSED_KINDS,
  fixKind: "manual",
  *check(facts) {
    for (const { source, reason, cure } of facts.unread)
      yield {
        span: { source, start: 0, end: 0 },
        message: `${source.path} was not audited: ${reason}`,
        fix: cure,
      };
  },
};
