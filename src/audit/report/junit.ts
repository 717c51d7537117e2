import type { AuditResult } from "../audit.ts";
import type { Severity } from "../types.ts";
import { atOrAbove } from "../severity.ts";
import type { CheckReport } from "../observe/report.ts";
import { active } from "./summary.ts";

/** JUnit XML: one suite per file, one case per finding; findings below the failing level pass with their text in system-out. */
export function renderJunit(result: Pick<AuditResult, "findings" | "audited" | "checks">, failOn: Severity): string {
  const findings = active(result.findings);
  const files = [
    ...new Set([...result.audited.map((item) => item.file), ...findings.map((finding) => finding.file)]),
  ].sort();
  const failures = findings.filter((finding) => atOrAbove(finding.severity, failOn)).length;
  const suites = files.map((file) => {
    const own = findings.filter((finding) => finding.file === file);
    const failed = own.filter((finding) => atOrAbove(finding.severity, failOn)).length;
    const cases = own.map((finding) => {
      const name = `${finding.rule} line ${finding.line}`;
      const body = `${finding.file}:${finding.line}:${finding.column} ${finding.message}\nwhy: ${finding.why}\nfix: ${finding.fix}`;
      const inner = atOrAbove(finding.severity, failOn)
        ? `<failure type="${finding.severity}" message="${escape(finding.message)}">${escape(body)}</failure>`
        : `<system-out>${escape(body)}</system-out>`;
      return `    <testcase name="${escape(name)}" classname="${escape(file)}">${inner}</testcase>`;
    });
    if (cases.length === 0) cases.push(`    <testcase name="no findings" classname="${escape(file)}"/>`);
    return `  <testsuite name="${escape(file)}" tests="${cases.length}" failures="${failed}" errors="0">\n${cases.join("\n")}\n  </testsuite>`;
  });
  const checks = result.checks ?? [];
  if (checks.length > 0) suites.push(checkSuite(checks));
  const tests =
    checks.length +
    (files.length === 0
      ? 0
      : files.reduce((sum, file) => sum + Math.max(1, findings.filter((finding) => finding.file === file).length), 0));
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="gigastt audit" tests="${tests}" failures="${failures}" errors="0">\n${suites.join("\n")}\n</testsuites>\n`;
}

/** What was looked at without a finding passes, what could not be looked at is skipped; findings fail in their own suites. */
function checkSuite(checks: readonly CheckReport[]): string {
  const cases = checks.map((check) => {
    const inner =
      check.result === "not-checked"
        ? `<skipped>${escape(check.detail)}</skipped>`
        : `<system-out>${escape(check.detail)}</system-out>`;
    return `    <testcase name="${escape(`${check.rule} ${check.title}`)}" classname="checks">${inner}</testcase>`;
  });
  const skipped = checks.filter(({ result }) => result === "not-checked").length;
  return `  <testsuite name="checks" tests="${checks.length}" failures="0" errors="0" skipped="${skipped}">\n${cases.join("\n")}\n  </testsuite>`;
}

function escape(text: string): string {
  // Control characters are not allowed in XML at all, not even escaped.
  // oxlint-disable-next-line no-control-regex -- this removes them
  const clean = text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f]/g, "");
  return clean.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
