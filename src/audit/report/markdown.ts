import type { AuditResult } from "../audit.ts";
import { active, summarise } from "./summary.ts";

/** A table for pull requests and tickets. */
export function renderMarkdown(result: Pick<AuditResult, "findings" | "audited">): string {
  const { error, warning, note, suppressed, files } = summarise(result);
  const findings = active(result.findings);
  const head = `## gigastt audit\n\n${error} errors, ${warning} warnings, ${note} notes in ${files} files${suppressed > 0 ? `, ${suppressed} suppressed` : ""}.\n`;
  if (findings.length === 0) return head;
  const rows = findings.map((finding) => {
    const related = finding.related.map((item) => `<br>see \`${item.file}:${item.line}\``).join("");
    return `| ${finding.severity} | ${finding.rule} | \`${finding.file}:${finding.line}\`${related} | ${cell(finding.message)} | ${cell(finding.fix)} |`;
  });
  return `${head}\n| severity | rule | where | what | fix |\n|---|---|---|---|---|\n${rows.join("\n")}\n`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ").replaceAll("<", "&lt;");
}
