import { planFixes } from "../../src/audit/fix.ts";
import type { Finding } from "../../src/audit/types.ts";
import { brokenFiles, type RuleCase } from "./audit-case.ts";
import { RULE_CASES } from "./audit-cases.ts";
import { auditFiles } from "./audit-files.ts";

export const SAFE: ReadonlySet<"safe" | "unsafe"> = new Set(["safe"]);
/** What `--fix=unsafe --yes` writes. */
export const ALL: ReadonlySet<"safe" | "unsafe"> = new Set(["safe", "unsafe"]);

interface Fixed {
  readonly files: Record<string, string>;
  readonly findings: readonly Finding[];
  readonly changed: boolean;
}

/** Fixes in memory until nothing changes, as `--fix` does on disk. */
export function fixAll(
  start: Record<string, string>,
  options: Parameters<typeof auditFiles>[1],
  kinds: ReadonlySet<"safe" | "unsafe"> = SAFE,
): Fixed {
  const files = { ...start };
  let findings = auditFiles(files, options);
  let changed = false;
  for (let round = 0; round < 6; round += 1) {
    const plan = planFixes(findings, kinds);
    if (plan.files.length === 0) break;
    for (const file of plan.files) files[file.source.path] = file.text;
    changed = true;
    findings = auditFiles(files, options);
  }
  return { files, findings, changed };
}

/** Cases in which a fix needs `--fix=unsafe`. */
export const unsafe: readonly RuleCase[] = RULE_CASES.filter((item) =>
  auditFiles(brokenFiles(item), item).some(
    (finding) => finding.rule === item.rule && finding.fixKind === "unsafe" && finding.edits.length > 0,
  ),
);

/** Cases in which a safe fix applies. */
export const fixable: readonly RuleCase[] = RULE_CASES.filter((item) => {
  const findings = auditFiles(brokenFiles(item), item).filter((finding) => finding.rule === item.rule);
  return findings.some((finding) => finding.fixKind === "safe");
});
