import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const found = spawnSync("actionlint", ["-version"]).status === 0;

it.skipIf(!found)(`actionlint accepts the workflows${found ? "" : " (skipped: actionlint is not installed)"}`, () => {
  const { stdout, stderr, status } = spawnSync("actionlint", ["-no-color"], { cwd: root, encoding: "utf8" });
  expect([status, stdout, stderr]).toEqual([0, "", ""]);
});
