import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../../src/checks/catalogue.ts";
import { docsOf, docsUrl } from "../../../src/audit/families.ts";
import { auditPages } from "../../support/audit-pages.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
const read = (name: string): string => readFileSync(join(ROOT, name), "utf8");
const pages = auditPages();

describe("docs/audit", () => {
  it("has no page of a family that is gone", () => {
    const known = new Set([...pages.keys(), "docs/audit/comparison.md", "docs/audit/report.schema.json"]);
    expect(readdirSync(join(ROOT, "docs/audit")).filter((name) => !known.has(`docs/audit/${name}`))).toEqual([]);
  });

  it.each(catalogue.map(({ id }) => id))("%s has the place that explain and reports link to", (id) => {
    const [page = "", anchor] = docsOf(id).split("#");
    expect(read(page).match(new RegExp(`^## ${id}$`, "gm"))).toHaveLength(1);
    expect(anchor).toBe(id.toLowerCase());
    expect(docsUrl(id).href).toBe(pathToFileURL(join(ROOT, docsOf(id))).href.replace("%23", "#"));
  });

  it("every link leads to a page and a heading", () => {
    for (const name of readdirSync(join(ROOT, "docs/audit")).filter((file) => file.endsWith(".md")))
      for (const [, page = "", anchor] of read(`docs/audit/${name}`).matchAll(
        /\]\(([\w.-]+\.(?:md|json))(?:#([\w-]+))?\)/g,
      )) {
        const headings = read(`docs/audit/${page}`).matchAll(/^#+ (.*)$/gm);
        const anchors = [...headings].map(([, title = ""]) =>
          title
            .toLowerCase()
            .replaceAll(/[^\w -]/g, "")
            .replaceAll(" ", "-"),
        );
        if (anchor !== undefined) expect(anchors, `${name} → ${page}#${anchor}`).toContain(anchor);
      }
  });
});
