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

/** A screen holds this many causes, each with its cure and a few places. */
const SHOWN_CAUSES = 12;
const SHOWN_PLACES = 3;

/**
 * The report for people. Short: errors first, each cause once with its places, notes as one line.
 * `all`: every finding by file, with the lines it speaks about, in this file and in the other.
 */
export function renderText(
  result: Pick<AuditResult, "findings" | "audited" | "unread" | "checks">,
  options: {
    readonly colours?: Colours;
    readonly quiet?: boolean;
    readonly showSuppressed?: boolean;
    readonly all?: boolean;
  } = {},
): string {
  const colours = options.colours ?? PLAIN;
  const shown = options.showSuppressed === true ? result.findings : active(result.findings);
  const blocks =
    options.all === true || options.showSuppressed === true
      ? shown.map((finding) => block(finding, colours, options.quiet === true))
      : shortReport(shown, colours, options.quiet === true);
  const checks = result.checks === undefined ? "" : `${checkLines(result.checks, colours)}\n`;
  return `${blocks.join("\n")}${blocks.length > 0 ? "\n" : ""}${checks}${footer(result, colours)}\n`;
}

function shortReport(findings: readonly Finding[], colours: Colours, quiet: boolean): readonly string[] {
  const groups = new Map<string, Finding[]>();
  for (const finding of findings) {
    if (finding.severity === "note") continue;
    const key = `${finding.severity} ${finding.rule}`;
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  const ordered = [...groups.values()].toSorted((a, b) => rank(a[0]) - rank(b[0]));
  const hidden = ordered.slice(SHOWN_CAUSES).flat();
  const notes = findings.filter(({ severity }) => severity === "note");
  return [
    ...ordered.slice(0, SHOWN_CAUSES).map((group) => cause(group, colours, quiet)),
    ...[folded("more finding", hidden), folded("note", notes)]
      .filter((line) => line !== "")
      .map((line) => colours.dim(line)),
    "",
  ].filter((line, i, all) => line !== "" || all.length > 1);
}

/** One line for what only `--all` shows. */
function folded(word: string, findings: readonly Finding[]): string {
  const rules = [...new Set(findings.map(({ rule }) => rule))];
  return findings.length === 0 ? "" : `${plural(findings.length, word)}: ${rules.join(", ")} (show with --all)`;
}

/** One rule with its places: what and how to fix it for the first, then where else. */
function cause(group: readonly Finding[], colours: Colours, quiet: boolean): string {
  const [first, ...others] = group as readonly [Finding, ...Finding[]]; // a group has at least one
  const tint = first.severity === "error" ? colours.red : colours.yellow;
  const tag = first.confidence === "certain" ? "" : colours.dim(` (${first.confidence})`);
  const same = others.filter(({ message }) => message === first.message).map(place);
  const different = others.filter(({ message }) => message !== first.message);
  const shown = different.slice(0, SHOWN_PLACES);
  const rest = Math.max(0, same.length - SHOWN_PLACES) + different.length - shown.length;
  return [
    `${tint(colours.bold(first.severity))} ${colours.bold(first.rule)} ${place(first)} ${printableLine(first.message)}${tag}`,
    ...(first.observed === undefined
      ? []
      : [
          `  ${colours.dim(`${first.observed.result} by ${first.observed.rule}:`)} ${printableLine(first.observed.detail)}`,
        ]),
    ...(quiet
      ? []
      : [
          `  ${colours.dim("fix:")} ${printableLine(first.fix)}${first.fixKind === "safe" ? colours.dim(" (--fix does this)") : ""}`,
        ]),
    ...(same.length > 0 ? [`  ${colours.dim("also")} ${same.slice(0, SHOWN_PLACES).join(", ")}`] : []),
    ...shown.map((finding) => `  ${colours.dim("also")} ${place(finding)} ${printableLine(finding.message)}`),
    ...(rest > 0 ? [`  ${colours.dim(`and ${rest} more`)}`] : []),
  ].join("\n");
}

function place({ file, line }: Finding): string {
  return `${printableLine(file)}${isOutside(file) ? "" : `:${line}`}`;
}

/** Errors, then what the report does not cover, then the rest. */
function rank(finding: Finding | undefined): number {
  return finding?.severity === "error" ? 0 : finding?.rule === "GA-PRS-002" ? 1 : 2;
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
  const score = clean ? "" : `, score ${scoreOf(result)} of 100`;
  return `${clean ? "no findings" : colours.bold(counts.join(", "))} in ${looked.join(" and ")}${unchecked > 0 ? `, ${unchecked} of them not checked` : ""}${unread > 0 ? `, ${unread} not audited` : ""}${suppressed > 0 ? `, ${suppressed} suppressed` : ""}${score}`;
}

/** From 100 down: each rule counts once, an error 15, a warning 5, a note 1. */
function scoreOf(result: Pick<AuditResult, "findings">): number {
  const cost = { error: 15, warning: 5, note: 1 } as const;
  const worst = new Map<string, number>();
  for (const { rule, severity } of active(result.findings))
    worst.set(rule, Math.max(worst.get(rule) ?? 0, cost[severity]));
  return Math.max(0, 100 - [...worst.values()].reduce((sum, each) => sum + each, 0));
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

function same(text: string): string {
  return text;
}
