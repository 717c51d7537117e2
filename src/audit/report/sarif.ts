import { pathToFileURL } from "node:url";
import type { AuditResult } from "../audit.ts";
import { docsUrl } from "../families.ts";
import { isUrl, type CheckReport } from "../observe/report.ts";
import { positionAt } from "../source.ts";
import type { Finding, RuleInfo, Severity } from "../types.ts";

const LEVELS: Readonly<Record<Severity, string>> = { error: "error", warning: "warning", note: "note" };
const RANKS = { certain: 90, likely: 60, "needs-context": 30 } as const;

/** SARIF 2.1.0: both places of a finding, suppressions kept visible, safe fixes, fingerprints for baselines. */
export function renderSarif(
  result: Pick<AuditResult, "findings" | "root" | "checks">,
  toolVersion: string,
  catalogue: readonly RuleInfo[],
): string {
  const index = new Map(catalogue.map((rule, i) => [rule.id, i]));
  const log = {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "gigastt audit",
            version: toolVersion,
            rules: catalogue.map((rule) => ({
              id: rule.id,
              shortDescription: { text: rule.title },
              fullDescription: { text: rule.why },
              helpUri: docsUrl(rule.id).href,
              help: { text: `${rule.why}\n\n${rule.evidence.join("\n")}` },
              defaultConfiguration: { level: LEVELS[rule.severity] },
              properties: { confidence: rule.confidence, fix: rule.fixKind },
            })),
          },
        },
        originalUriBaseIds: { ROOT: { uri: `${pathToFileURL(result.root).href.replace(/\/$/, "")}/` } },
        ...(result.checks === undefined
          ? {}
          : {
              invocations: [{ executionSuccessful: true, toolExecutionNotifications: result.checks.map(notification) }],
            }),
        columnKind: "utf16CodeUnits",
        results: result.findings.map((finding) => sarifResult(finding, index.get(finding.rule) ?? 0)),
      },
    ],
  };
  return `${JSON.stringify(log, null, 2)}\n`;
}

/** What was looked at without a finding, and what could not be looked at. */
function notification(check: CheckReport): Record<string, unknown> {
  return {
    level: check.result === "not-checked" ? "warning" : "note",
    message: { text: `${check.title}: ${check.result === "not-checked" ? "not checked: " : ""}${check.detail}` },
    associatedRule: { id: check.rule },
    properties: { result: check.result },
  };
}

function sarifResult(finding: Finding, ruleIndex: number): Record<string, unknown> {
  return {
    ruleId: finding.rule,
    ruleIndex,
    level: LEVELS[finding.severity],
    rank: RANKS[finding.confidence],
    message: { text: `${finding.message}. ${finding.fix}` },
    locations: [{ physicalLocation: location(finding.file, finding) }],
    ...(finding.related.length > 0
      ? {
          relatedLocations: finding.related.map((related, id) => ({
            id: id + 1,
            message: { text: related.message },
            physicalLocation: location(related.file, { line: related.line, column: related.column }),
          })),
        }
      : {}),
    partialFingerprints: { "gigasttAudit/v1": finding.fingerprint },
    ...(finding.fixKind === "safe" ? { fixes: [sarifFix(finding)] } : {}),
    ...(finding.suppressed
      ? {
          suppressions: [
            {
              kind: finding.suppressed.kind === "comment" ? "inSource" : "external",
              status: "accepted",
              justification: finding.suppressed.reason,
            },
          ],
        }
      : {}),
  };
}

function sarifFix(finding: Finding): Record<string, unknown> {
  const byFile = new Map<string, Record<string, unknown>[]>();
  for (const edit of finding.edits) {
    const start = positionAt(edit.span.source, edit.span.start);
    const end = positionAt(edit.span.source, edit.span.end);
    const list = byFile.get(edit.span.source.path) ?? [];
    list.push({
      deletedRegion: { startLine: start.line, startColumn: start.column, endLine: end.line, endColumn: end.column },
      insertedContent: { text: edit.text },
    });
    byFile.set(edit.span.source.path, list);
  }
  return {
    description: { text: finding.fix },
    artifactChanges: [...byFile].map(([file, replacements]) => ({
      artifactLocation: artifact(file),
      replacements,
    })),
  };
}

function location(
  file: string,
  at: { line: number; column: number; endLine?: number; endColumn?: number },
): Record<string, unknown> {
  const region: Record<string, number> = { startLine: at.line, startColumn: at.column };
  if (at.endLine !== undefined) region["endLine"] = at.endLine;
  if (at.endColumn !== undefined) region["endColumn"] = at.endColumn;
  return { artifactLocation: artifact(file), region };
}

function artifact(file: string): Record<string, string> {
  if (isUrl(file)) return { uri: file };
  if (file.startsWith("/")) return { uri: pathToFileURL(file).href };
  return { uri: encodePath(file), uriBaseId: "ROOT" };
}

function encodePath(path: string): string {
  return path.split("/").map(encodeURIComponent).join("/");
}
