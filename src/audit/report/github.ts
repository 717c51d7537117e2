import type { AuditResult } from "../audit.ts";
import type { Severity } from "../types.ts";
import { isOutside } from "../observe/report.ts";
import { active } from "./summary.ts";

const COMMANDS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", note: "notice" };

/** Workflow commands: annotations on the lines of a pull request. */
export function renderGithub(result: Pick<AuditResult, "findings">): string {
  return active(result.findings)
    .map((finding) => {
      // Annotations stand on files of the repository only.
      const where = isOutside(finding.file)
        ? []
        : [
            `file=${property(finding.file)}`,
            `line=${finding.line}`,
            `endLine=${finding.endLine}`,
            `col=${finding.column}`,
          ];
      const place = [...where, `title=${property(finding.rule)}`];
      const at = isOutside(finding.file) ? `${finding.file}: ` : "";
      const related = finding.related.map((item) => `\nsee ${item.file}:${item.line} (${item.message})`).join("");
      return `::${COMMANDS[finding.severity]} ${place.join(",")}::${data(`${at}${finding.message}\n${finding.why}\nfix: ${finding.fix}${related}`)}\n`;
    })
    .join("");
}

function data(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}

function property(text: string): string {
  return data(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}
