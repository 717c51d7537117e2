import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { discover } from "../../../src/audit/discover.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const namesIn = async (path: string): Promise<string[]> =>
  (await discover([path], root)).files
    .filter(({ kind }) => kind !== "unknown" && kind !== "gitignore")
    .map(({ source }) => source.path);

describe("audit of a checkout of gigastt", () => {
  it("leaves the program's own tests, pages, templates and examples out", async () => {
    expect(await namesIn(root)).toEqual(["gigastt.config.yaml"]);
  });

  it("audits them when they are named", async () => {
    expect(await namesIn(`${root}deploy/examples/nginx`)).toContain("nginx/gigastt.conf");
    expect(await namesIn(`${root}test/fixtures/audit/base/nginx`)).not.toEqual([]);
  });
});
