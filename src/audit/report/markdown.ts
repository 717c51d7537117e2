import type { AuditResult } from "../audit.ts";
import { isOutside, type CheckReport } from "../observe/report.ts";
import { active, summarise } from "./summary.ts";

/** A table for pull requests and tickets. */
export function renderMarkdown(result: Pick<AuditResult, "findings" | "audited" | "unread" | "checks">): string {
  const { error, warning, note, suppressed, files, unread } = summarise(result);
  const findings = active(result.findings);
  const head = `## gigastt audit\n\n${error} errors, ${warning} warnings, ${note} notes in ${files} files${unread > 0 ? `, ${unread} not audited` : ""}${suppressed > 0 ? `, ${suppressed} suppressed` : ""}.\n`;
  const checks = checkTable(result.checks ?? []);
  if (findings.length === 0) return head + checks;
  const rows = findings.map((finding) => {
    const related = finding.related.map((item) => `<br>see \`${cell(item.file)}:${item.line}\``).join("");
    return `| ${finding.severity} | ${finding.rule} | \`${cell(finding.file)}${isOutside(finding.file) ? "" : `:${finding.line}`}\`${related} | ${cell(finding.message)} | ${cell(finding.fix)} |`;
  });
  return `${head}\n| severity | rule | where | what | fix |\n|---|---|---|---|---|\n${rows.join("\n")}\n${checks}`;
}

function checkTable(checks: readonly CheckReport[]): string {
  if (checks.length === 0) return "";
  const rows = checks.map((check) => `| ${check.rule} | ${check.title} | ${check.result} | ${cell(check.detail)} |`);
  return `\n| check | what | result | detail |\n|---|---|---|---|\n${rows.join("\n")}\n`;
}

function cell(text: string): string {
  return text
    .replaceAll("|", "\\|")
    .replace(/\p{Cc}/gu, " ")
    .replaceAll("<", "&lt;");
}
