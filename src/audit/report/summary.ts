import type { AuditResult } from "../audit.ts";
import type { Finding, Severity } from "../types.ts";

export interface Summary {
  readonly error: number;
  readonly warning: number;
  readonly note: number;
  readonly suppressed: number;
  readonly files: number;
  /** Files that should have been audited and were not, missing includes too. */
  readonly unread: number;
}

/** Findings that count. */
export function active(findings: readonly Finding[]): readonly Finding[] {
  return findings.filter((finding) => finding.suppressed === undefined);
}

export function summarise(result: Pick<AuditResult, "findings" | "audited" | "unread">): Summary {
  const live = active(result.findings);
  const count = (severity: Severity): number => live.filter((finding) => finding.severity === severity).length;
  return {
    error: count("error"),
    warning: count("warning"),
    note: count("note"),
    suppressed: result.findings.length - live.length,
    files: new Set(result.audited.map((item) => item.file)).size,
    unread: result.unread,
  };
}
