import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const { isInstalled } = (await import(`${root}scripts/bootstrap.js`)) as {
  isInstalled(folder: string, options: { dev: boolean }): boolean;
}; // plain JavaScript

const PACKAGES = {
  "node_modules/a": { version: "1.0.0", integrity: "sha512-a" },
  "node_modules/tool": { version: "2.0.0", integrity: "sha512-t", dev: true },
  "node_modules/tool-mac": { version: "2.0.0", integrity: "sha512-m", dev: true, optional: true },
};
let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-installed-"));
  mkdirSync(join(dir, "node_modules"));
  writeFileSync(join(dir, "package-lock.json"), JSON.stringify({ packages: { "": {}, ...PACKAGES } }));
});
afterEach(() => rmSync(dir, { recursive: true }));
const install = (packages: object): void =>
  writeFileSync(join(dir, "node_modules", ".package-lock.json"), JSON.stringify({ packages }));

it("nothing is installed in a fresh clone", () => {
  expect(isInstalled(dir, { dev: false })).toBe(false);
});

it("npm ci by hand is enough: packages of other platforms may be missing", () => {
  const { "node_modules/tool-mac": _, ...here } = PACKAGES;
  install(here);
  expect(isInstalled(dir, { dev: true })).toBe(true);
});

it("without development packages the program runs, but a build needs them", () => {
  install({ "node_modules/a": PACKAGES["node_modules/a"] });
  expect(isInstalled(dir, { dev: false })).toBe(true);
  expect(isInstalled(dir, { dev: true })).toBe(false);
});

it.each([["version"], ["integrity"]])("another %s than the lock file's is not installed", (key) => {
  install({ ...PACKAGES, "node_modules/a": { ...PACKAGES["node_modules/a"], [key]: "other" } });
  expect(isInstalled(dir, { dev: false })).toBe(false);
});

it("this checkout is installed", () => {
  expect(isInstalled(root, { dev: true })).toBe(true);
});
