import { describe, expect, it } from "vitest";
import { rules } from "../../../src/audit/rules/registry.ts";
import { lineText } from "../../../src/audit/source.ts";
import { baseFiles, brokenFiles, RULE_CASES } from "../../support/audit-cases.ts";
import { auditFiles, brief } from "../../support/audit-files.ts";

describe("audit rules", () => {
  it("every rule has a bad fixture, and every case names a rule", () => {
    const ids = rules.map((rule) => rule.id);
    expect([...new Set(RULE_CASES.map((item) => item.rule))].sort()).toEqual([...ids].sort());
  });

  it("every rule explains itself", () => {
    for (const rule of rules) {
      expect(rule.id).toMatch(/^GA-[A-Z]{3}-\d{3}$/);
      expect(rule.why.length, rule.id).toBeGreaterThan(80);
      expect(rule.evidence.length, rule.id).toBeGreaterThan(0);
      expect(rule.reads.length, rule.id).toBeGreaterThan(0);
    }
    expect(new Set(rules.map((rule) => rule.id)).size).toBe(rules.length);
  });

  it.each([...new Set(RULE_CASES.map((item) => item.base))])("the good fixture %s is clean of all rules", (base) => {
    expect(brief(auditFiles(baseFiles(base)))).toEqual([]);
  });

  it.each(RULE_CASES.map((item) => [item.rule, item.name, item] as const))("%s finds: %s", (id, _, item) => {
    const findings = auditFiles(brokenFiles(item), item);
    const hits = findings.filter((finding) => finding.rule === id);
    expect(hits.length, brief(findings).join("\n")).toBeGreaterThan(0);
    if (item.at !== undefined) {
      const lines = hits.map((hit) => lineText(hit.source, hit.line));
      expect(
        lines.some((line) => line.includes(item.at ?? "")),
        lines.join("\n"),
      ).toBe(true);
    }
    for (const hit of hits) {
      expect(hit.message).not.toMatch(/undefined|NaN|\[object/);
      expect(hit.fix).not.toMatch(/undefined|NaN/);
    }
  });
});
