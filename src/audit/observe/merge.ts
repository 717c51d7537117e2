import { runRules, type AuditOptions, type AuditResult } from "../audit.ts";
import { active } from "../report/summary.ts";
import { createSource } from "../source.ts";
import type { Finding, Hit, Rule } from "../types.ts";
import type { CheckReport } from "./report.ts";
import type { Judged, Problem } from "./verdict.ts";

/** Adds what was observed to an audit of files, and says of each finding in files whether the observation bears it out. */
export function mergeObserved(
  base: AuditResult,
  judged: readonly Judged[],
  options: Pick<AuditOptions, "today" | "ignores" | "baseline">,
): AuditResult {
  // The observation as a rule: the same ignores, baseline, order and fingerprints as any other.
  const observed = runRules(base.facts, { ...options, rules: judged.map(asRule) }).findings;
  const checks = judged.map((item) => reportOf(item, base));
  const marks = new Map<Finding, Finding["observed"]>();
  for (const { rule, verdict, sameAs } of judged) {
    if (verdict.result === "not-checked") continue;
    for (const finding of active(base.findings)) {
      if (!sameAs.includes(finding.rule) || marks.get(finding)?.result === "confirmed") continue;
      const result = verdict.result === "found" ? "confirmed" : "contradicted";
      marks.set(finding, { result, rule: rule.id, detail: detailOf(verdict) });
    }
  }
  const files = base.findings.map((finding) => {
    const mark = marks.get(finding);
    return mark === undefined ? finding : { ...finding, observed: mark };
  });
  return { ...base, findings: [...files, ...observed], checks };
}

// ---

function asRule({ rule, verdict }: Judged): Rule {
  return {
    ...rule,
    reads: [],
    check: () => (verdict.result === "found" ? verdict.problems.map(hitOf) : []),
  };
}

function hitOf(problem: Problem): Hit {
  const source = createSource(problem.place, problem.evidence);
  return {
    span: { source, start: 0, end: problem.evidence.split("\n")[0]?.length ?? 0 },
    message: problem.message,
    fix: problem.fix,
    ...(problem.severity === undefined ? {} : { severity: problem.severity }),
    ...(problem.confidence === undefined ? {} : { confidence: problem.confidence }),
  };
}

function reportOf({ rule, verdict, sameAs }: Judged, base: AuditResult): CheckReport {
  const same = active(base.findings)
    .filter((finding) => sameAs.includes(finding.rule))
    .map((finding) => ({ rule: finding.rule, file: finding.file, line: finding.line }));
  return {
    rule: rule.id,
    title: rule.title,
    result: verdict.result,
    detail: detailOf(verdict),
    confirms: verdict.result === "found" ? same : [],
    contradicts: verdict.result === "ok" ? same : [],
    filesDiffer:
      verdict.result === "found" &&
      sameAs.length > 0 &&
      same.length === 0 &&
      base.audited.some(({ kind }) => kind !== "config"),
  };
}

function detailOf(verdict: Judged["verdict"]): string {
  if (verdict.result === "ok") return verdict.detail;
  if (verdict.result === "not-checked") return verdict.reason;
  return verdict.problems.map(({ message }) => message).join("; ");
}
