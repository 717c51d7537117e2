import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { familyOf } from "../../../src/audit/families.ts";
import { rules } from "../../../src/audit/rules/registry.ts";
import { lineText } from "../../../src/audit/source.ts";
import { baseFiles, brokenFiles } from "../../support/audit-case.ts";
import { CASE_FILES, RULE_CASES } from "../../support/audit-cases.ts";
import { auditFiles, brief } from "../../support/audit-files.ts";

describe("audit rules", () => {
  it("every rule has cases in the file of the same path, and every case names a rule", () => {
    const folder = fileURLToPath(new URL("../../../src/audit/rules/", import.meta.url));
    const paths = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .map((name) => ({ name, id: /^  id: "(.*)",$/m.exec(read(join(folder, name)))?.[1] }))
      .filter(({ id }) => id !== undefined)
      .map(({ name, id }) => `${id} ${name.slice(0, -3)}`);
    expect(paths).toHaveLength(rules.length);
    const cases = Object.entries(CASE_FILES).map(
      ([path, file]) => `${file.cases.rule} ${path.split("/rules/")[1]?.replace(".cases.ts", "")}`,
    );
    expect(cases.sort()).toEqual(paths.sort());
  });

  it("lies in the folder of its family", () => {
    for (const [path, { cases }] of Object.entries(CASE_FILES))
      expect(path).toContain(`/rules/${familyOf(cases.rule).slug}/`);
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

/** Text of a file, nothing for a folder. */
function read(path: string): string {
  return path.endsWith(".ts") ? readFileSync(path, "utf8") : "";
}
