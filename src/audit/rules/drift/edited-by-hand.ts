import { readHeader } from "../../../render/header.ts";
import type { Rule } from "../../types.ts";

export const rule: Rule = {
  id: "GA-DRF-001",
  severity: "warning",
  confidence: "certain",
  title: "A rendered file was edited by hand, or is from another configuration",
  why: "What `gigastt render` wrote follows from the config; an edit by hand is lost with the next rendering, and a file from an older config contains limits that the server no longer uses.",
  evidence: ["The header of every rendered file carries the hash of its body and of the config."],
  reads: ["rendered", "config"],
  fixKind: "manual",
  *check(facts) {
    for (const source of facts.tree.sources) {
      const header = readHeader(source.text);
      if (header.kind === "foreign") continue;
      const span = { source, start: 0, end: source.text.indexOf("\n") };
      if (header.kind === "edited")
        yield {
          span,
          message: `${source.path} was edited after gigastt wrote it`,
          fix: "Move the change into gigastt.config.yaml and run `gigastt render`; or remove the header and own the file.",
        };
      else if (facts.configHash !== undefined && header.configHash !== facts.configHash) {
        yield {
          span,
          message: `${source.path} was rendered from another configuration than ${facts.configSource?.path ?? "the current one"}`,
          fix: "Run `gigastt render`.",
          ...(facts.configSource
            ? {
                related: [
                  { span: { source: facts.configSource, start: 0, end: 0 }, message: "the configuration of today" },
                ],
              }
            : {}),
        };
      }
    }
  },
};
