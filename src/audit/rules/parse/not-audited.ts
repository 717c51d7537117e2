import type { MissingPart } from "../../model/missing.ts";
import { PARSED_KINDS } from "../../parts.ts";
import type { Rule } from "../../types.ts";

/** Names shown in one message. */
const SHOWN = 4;

export const rule: Rule = {
  id: "GA-PRS-002",
  severity: "warning",
  confidence: "certain",
  title: "A file was not audited",
  why: "The audit says nothing about this file, and what other files take from it is missing too. Without this finding a clean report would seem to cover a file that was not read. With --strict the exit code is then 1.",
  evidence: [
    "A file above 2 MiB, one in UTF-16, one that this user may not read, a folder of more than 100 000 files: where name or beginning say that it is configuration, or where it was named.",
    "nginx-proxy-manager keeps the upstream of every host in conf.d/include/proxy.conf: its host files alone show nothing that could be checked.",
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
    for (const source of new Set(facts.missing.map(({ span }) => span.source))) {
      const parts = facts.missing.filter(({ span }) => span.source === source);
      const [first] = parts;
      if (first === undefined) continue;
      yield {
        span: first.span,
        message: `${namesOf(parts)} ${parts.length === 1 ? "was" : "were"} not audited: ${source.path} reads ${parts.length === 1 ? "it" : "them"}, and the audited files do not contain ${parts.length === 1 ? "it" : "them"}`,
        fix: source.path.endsWith(".conf")
          ? "Audit the whole tree, or the output of `nginx -T`, which contains every include."
          : "Audit the folder that holds all of them.",
      };
    }
  },
};

function namesOf(parts: readonly MissingPart[]): string {
  const names = [...new Set(parts.map(({ target }) => target))];
  const rest = names.length - SHOWN;
  return `${names.slice(0, SHOWN).join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}
