import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const found = spawnSync("actionlint", ["-version"]).status === 0;

it.skipIf(!found)(`actionlint accepts the workflows${found ? "" : " (skipped: actionlint is not installed)"}`, () => {
  const { stdout, stderr, status } = spawnSync("actionlint", ["-no-color"], { cwd: root, encoding: "utf8" });
  expect([status, stdout, stderr]).toEqual([0, "", ""]);
});

const parser = spawnSync("apparmor_parser", ["--version"]).status === 0;

it.skipIf(!parser)(
  `AppArmor reads the profile of the add-on${parser ? "" : " (skipped: apparmor_parser is not installed)"}`,
  () => {
    const profile = "deploy/home-assistant/gigastt/apparmor.txt";
    const { stderr, status } = spawnSync("apparmor_parser", ["-Q", "-K", profile], { cwd: root, encoding: "utf8" });
    expect(status, stderr).toBe(0);
  },
);
