import type { AuditResult } from "../audit.ts";
import type { Finding } from "../types.ts";
import { active, summarise } from "./summary.ts";

/** Version of the JSON report; raised when a field changes its meaning or goes away. */
export const JSON_VERSION = 1;

/** The report as JSON; its schema is docs/audit/report.schema.json. */
export function renderJson(result: Pick<AuditResult, "findings" | "audited" | "unread" | "checks">): string {
  const { files, unread, ...counts } = summarise(result);
  return `${JSON.stringify(
    {
      version: JSON_VERSION,
      findings: active(result.findings).map(findingJson),
      suppressed: result.findings
        .filter((finding) => finding.suppressed !== undefined)
        .map((finding) => ({ ...findingJson(finding), suppression: finding.suppressed })),
      ...(result.checks === undefined ? {} : { checks: result.checks }),
      summary: { ...counts, files, unread },
    },
    null,
    2,
  )}\n`;
}

function findingJson(finding: Finding): Record<string, unknown> {
  return {
    rule: finding.rule,
    severity: finding.severity,
    confidence: finding.confidence,
    file: finding.file,
    line: finding.line,
    column: finding.column,
    endLine: finding.endLine,
    message: finding.message,
    why: finding.why,
    fix: finding.fix,
    fixKind: finding.fixKind,
    fingerprint: finding.fingerprint,
    related: finding.related.map(({ file, line, message }) => ({ file, line, message })),
    ...(finding.observed === undefined ? {} : { observed: finding.observed }),
  };
}
