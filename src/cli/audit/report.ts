import type { AuditResult } from "../../audit/audit.ts";
import { renderGithub } from "../../audit/report/github.ts";
import { renderJson } from "../../audit/report/json.ts";
import { renderJunit } from "../../audit/report/junit.ts";
import { renderMarkdown } from "../../audit/report/markdown.ts";
import { renderSarif } from "../../audit/report/sarif.ts";
import { active } from "../../audit/report/summary.ts";
import { renderText } from "../../audit/report/text.ts";
import { atOrAbove, SEVERITIES } from "../../audit/severity.ts";
import type { Severity } from "../../audit/types.ts";
import { readVersion } from "../../shared/version.ts";
import { catalogue } from "../../checks/catalogue.ts";
import type { CommandContext, FlagSpec } from "../command.ts";
import { paintFor } from "../output.ts";

const FORMATS = ["text", "json", "sarif", "junit", "github", "markdown"] as const;
type Format = (typeof FORMATS)[number];

/** Flags that say how an audit reports and what counts. */
export const REPORT_FLAGS: Readonly<Record<string, FlagSpec>> = {
  format: { type: "string", choices: FORMATS, describe: "how to report (default text)" },
  "fail-on": {
    type: "string",
    choices: SEVERITIES,
    describe: "lowest severity that makes the exit code 1 (default error)",
  },
  strict: { type: "boolean", describe: "exit code 1 also when something was not audited or not checked" },
  baseline: { type: "string", value: "FILE", describe: "findings listed there do not count" },
  "write-baseline": { type: "string", value: "FILE", describe: "write the findings of today as a baseline" },
  "no-ignores": { type: "boolean", describe: "include suppressed findings" },
  "show-suppressed": { type: "boolean", describe: "also list suppressed findings in the text report" },
  all: { type: "boolean", describe: "text report with every finding, its lines and its reason; notes included" },
  quiet: { type: "boolean", short: "q", describe: "omit cures (with --all: reasons) in the text report" },
};

/** The report in the format that was asked for. */
export function report(result: AuditResult, context: CommandContext): string {
  const format = (context.flags["format"] ?? "text") as Format; // the flag's choices are the formats
  switch (format) {
    case "json":
      return renderJson(result);
    case "sarif":
      return renderSarif(result, readVersion(), catalogue);
    case "junit":
      return renderJunit(result, failOn(context));
    case "github":
      return renderGithub(result);
    case "markdown":
      return renderMarkdown(result);
    case "text":
      return renderText(result, {
        colours: paintFor(context.stdout, context),
        quiet: context.flags["quiet"] === true,
        all: context.flags["all"] === true,
        showSuppressed: context.flags["show-suppressed"] === true,
      });
  }
}

/** 1 = findings at or above --fail-on, or with --strict something not audited; 3 = nothing could be looked at; else 0. */
export function exitCode(result: AuditResult, context: CommandContext): number {
  if (active(result.findings).some((finding) => atOrAbove(finding.severity, failOn(context)))) return 1;
  const skipped = result.unread > 0 || result.checks?.some((check) => check.result === "not-checked") === true;
  if (context.flags["strict"] === true && skipped) return 1;
  const unseen = result.checks?.every((check) => check.result === "not-checked") === true;
  return unseen && result.audited.length === 0 ? 3 : 0;
}

// ---

function failOn(context: CommandContext): Severity {
  return (context.flags["fail-on"] ?? "error") as Severity; // the flag's choices are the severities
}
