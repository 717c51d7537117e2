import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

// test/unit mirrors src: the tests of src/a/b.ts are in test/unit/a/b.test.ts. A test of several files is in the folder they share.

const root = fileURLToPath(new URL("../../../", import.meta.url));
/** Tests of what is not in src: pages, scripts, helpers of the tests themselves. */
const OTHER_FOLDERS = new Set(["docs", "repository", "support"]);
const sources = listed("src").map((path) => path.replace(/\.ts$/, ""));
const tests = listed("test/unit")
  .filter((file) => file.endsWith(".test.ts") && file.includes("/") && !OTHER_FOLDERS.has(file.split("/")[0]!)) // split gives one at least
  .map((file) => ({ file, test: file.replace(/(?:\.programs|\.long)?\.test\.ts$/, "") }));

describe("test/unit mirrors src", () => {
  it("finds tests and sources", () => {
    expect(tests.length).toBeGreaterThan(100);
    expect(sources.length).toBeGreaterThan(tests.length);
  });

  it("every folder with unit tests is a folder of src", () => {
    const folders = new Set(tests.map(({ test }) => dirname(test)));
    expect([...folders].filter((folder) => !existsSync(`${root}src/${folder}`))).toEqual([]);
  });

  it("a test of the source file with its name is where that file is", () => {
    const misplaced = tests.flatMap(({ file, test }) => {
      if (sources.includes(test) || existsSync(`${root}src/${test}`)) return [];
      const [room] = test.split("/");
      const text = readFileSync(`${root}test/unit/${file}`, "utf8");
      // It tests a file of its own folder.
      if (text.includes(`/src/${dirname(test)}/`)) return [];
      const places = sources.filter(
        (path) => basename(path) === basename(test) && path.startsWith(`${room}/`) && text.includes(`/${path}.ts"`),
      );
      return places.length === 0
        ? []
        : [`test/unit/${test} → ${places.map((path) => `test/unit/${path}`).join(" or ")}`];
    });
    expect(misplaced).toEqual([]);
  });

  it("only tests of the whole project are outside a folder", () => {
    const loose = readdirSync(`${root}test/unit`).filter((name) => name.endsWith(".ts"));
    expect(loose).toEqual(["walls.test.ts"]);
  });
});

function listed(folder: string): string[] {
  return readdirSync(root + folder, { recursive: true, encoding: "utf8" })
    .map((path) => path.replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"));
}
