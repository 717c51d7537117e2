import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { AUDIT_FIXTURES, auditFiles, readFolder } from "../../support/audit-files.ts";

const FOREIGN = join(AUDIT_FIXTURES, "foreign");
const trees = readdirSync(FOREIGN, { withFileTypes: true }).filter((entry) => entry.isDirectory());

/** What an expert would act on, line by line; notes are left out. A tree is in `foreign/NAME`, its lines in `foreign/expected.txt`. */
const expected = new Map(
  readFileSync(join(FOREIGN, "expected.txt"), "utf8")
    .split(/^## /m)
    .slice(1)
    .map((part) => {
      const [name = "", ...lines] = part.trimEnd().split("\n");
      return [name, lines] as const;
    }),
);

describe("trees as people write them", () => {
  it.each(trees.map(({ name }) => name).sort())("%s: says what an expert would, at the right line", (name) => {
    const loud = auditFiles(readFolder(join(FOREIGN, name))).filter(({ severity }) => severity !== "note");
    const lines = loud.map(({ severity, rule, file, line }) => `${severity} ${rule} ${file}:${line}`);
    expect(lines).toEqual(expected.get(name));
  });
});
