import { printableLine } from "../../shared/text/printable.ts";
import type { AuditResult } from "../audit.ts";
import { isOutside, type CheckReport } from "../observe/report.ts";
import { lineText } from "../source.ts";
import type { Source } from "../source.ts";
import type { Finding } from "../types.ts";
import { active, summarise } from "./summary.ts";

/** How to colour; plain functions, so that the CLI's own painter fits. */
export interface Colours {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

export const PLAIN: Colours = { bold: same, dim: same, red: same, yellow: same, cyan: same };

/** The report for people: every finding with the lines it speaks about, in this file and in the other. */
export function renderText(
  result: Pick<AuditResult, "findings" | "audited" | "unread" | "checks">,
  options: { readonly colours?: Colours; readonly quiet?: boolean; readonly showSuppressed?: boolean } = {},
): string {
  const colours = options.colours ?? PLAIN;
  const shown = options.showSuppressed === true ? result.findings : active(result.findings);
  const blocks = shown.map((finding) => block(finding, colours, options.quiet === true));
  const checks = result.checks === undefined ? "" : `${checkLines(result.checks, colours)}\n`;
  return `${blocks.join("\n")}${blocks.length > 0 ? "\n" : ""}${checks}${footer(result, colours)}\n`;
}

function block(finding: Finding, colours: Colours, quiet: boolean): string {
  const tint =
    finding.severity === "error" ? colours.red : finding.severity === "warning" ? colours.yellow : colours.cyan;
  const tags = [
    finding.confidence === "certain" ? "" : finding.confidence,
    finding.suppressed ? `suppressed: ${printableLine(finding.suppressed.reason)}` : "",
  ].filter((tag) => tag !== "");
  const head = `${tint(colours.bold(finding.severity))} ${colours.bold(finding.rule)} ${printableLine(finding.message)}${tags.length > 0 ? colours.dim(` (${tags.join("; ")})`) : ""}`;
  const lines = [
    head,
    frame(finding.source, finding.line, finding.column, finding.endLine, finding.endColumn, "", colours, tint),
  ];
  for (const related of finding.related)
    lines.push(
      frame(
        related.source,
        related.line,
        related.column,
        related.line,
        undefined,
        related.message,
        colours,
        colours.dim,
      ),
    );
  if (finding.observed !== undefined)
    lines.push(
      `  ${colours.dim(`${finding.observed.result} by ${finding.observed.rule}:`)} ${printableLine(finding.observed.detail)}`,
    );
  if (!quiet) lines.push(`  ${colours.dim("why:")} ${finding.why}`);
  lines.push(
    `  ${colours.dim("fix:")} ${printableLine(finding.fix)}${finding.fixKind === "safe" ? colours.dim(" (--fix does this)") : ""}`,
    "",
  );
  return lines.join("\n");
}

/** Two or three lines of a file with the place underlined. Long blocks show their first line only. */
function frame(
  source: Source,
  line: number,
  column: number,
  endLine: number,
  endColumn: number | undefined,
  label: string,
  colours: Colours,
  tint: (text: string) => string,
): string {
  const text = printableLine(lineText(source, line));
  const width = String(line).length;
  const clipped = text.length > 160 ? `${text.slice(0, 157)}...` : text;
  const stop = endLine === line && endColumn !== undefined ? endColumn : text.trimEnd().length + 1;
  const length = Math.max(1, Math.min(stop, clipped.length + 1) - column);
  // Tabs keep the caret below its character.
  const pad = clipped.slice(0, column - 1).replace(/[^\t]/g, " ");
  const gutter = (n: string): string => colours.dim(`${n.padStart(width)} |`);
  return [
    `  ${colours.dim("-->")} ${printableLine(source.path)}${isOutside(source.path) ? "" : `:${line}:${column}`}`,
    `  ${gutter(String(line))} ${clipped}`,
    `  ${gutter("")} ${pad}${tint("^".repeat(Math.min(length, 80)))}${label === "" ? "" : ` ${colours.dim(label)}`}`,
  ].join("\n");
}

const SIGNS = { ok: "ok", found: "found", "not-checked": "not checked" } as const;

/** One line per probe or check, also for what could not be looked at: silence must not read as approval. */
function checkLines(checks: readonly CheckReport[], colours: Colours): string {
  return checks
    .map((check) => {
      const tint = check.result === "found" ? colours.yellow : check.result === "ok" ? same : colours.dim;
      const places = (list: CheckReport["confirms"]): string =>
        list.map(({ rule, file, line }) => `${rule} at ${file}:${line}`).join(", ");
      const notes = [
        check.confirms.length > 0 ? `confirms ${places(check.confirms)}` : "",
        check.contradicts.length > 0 ? `contradicts ${places(check.contradicts)}` : "",
        check.filesDiffer ? "the audited files show no cause: others are in use, or something stands in front" : "",
      ].filter((note) => note !== "");
      // A title names the defect: beside "ok" it would say the opposite of what was seen.
      const said = { found: check.title, ok: check.detail, "not-checked": `${check.title}: ${check.detail}` };
      return `${tint(SIGNS[check.result].padEnd(11))}  ${check.rule} ${said[check.result]}${notes.length > 0 ? ` (${notes.join("; ")})` : ""}\n`;
    })
    .join("");
}

function footer(result: Pick<AuditResult, "findings" | "audited" | "unread" | "checks">, colours: Colours): string {
  const { error, warning, note, suppressed, files, unread } = summarise(result);
  const counts = [plural(error, "error"), plural(warning, "warning"), plural(note, "note")];
  const clean = error + warning + note === 0;
  const { checks } = result;
  const unchecked = checks?.filter((check) => check.result === "not-checked").length ?? 0;
  const looked = [
    ...(files > 0 || checks === undefined ? [plural(files, "file")] : []),
    ...(checks === undefined ? [] : [plural(checks.length, "check")]),
  ];
  return `${clean ? "no findings" : colours.bold(counts.join(", "))} in ${looked.join(" and ")}${unchecked > 0 ? `, ${unchecked} of them not checked` : ""}${unread > 0 ? `, ${unread} not audited` : ""}${suppressed > 0 ? `, ${suppressed} suppressed` : ""}`;
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function same(text: string): string {
  return text;
}
