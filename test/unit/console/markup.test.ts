import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

// File names, transcripts and answers of the server reach the page as text only: none of the ways to write markup is used.
it("the page never writes markup, styles or programs from text", () => {
  const root = fileURLToPath(new URL("../../../src/console/", import.meta.url));
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name));
  expect(names.length).toBeGreaterThan(20);
  const forbidden =
    /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|\sstyle=\{|setAttribute\(/i;
  expect(names.filter((name) => forbidden.test(readFileSync(join(root, name), "utf8")))).toEqual([]);
});
