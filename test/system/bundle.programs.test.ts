import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CTC_ID, makeCtcModel } from "../support/ctc-model.ts";

const LAUNCHER = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const SAMPLE = fileURLToPath(new URL("../fixtures/eval/dev_espeak_00.wav", import.meta.url));
/** A namespace whose only interface is a loopback that is down. */
const OFFLINE = ["unshare", "--user", "--map-root-user", "--net"];
const canRun =
  process.platform === "linux" && spawnSync(OFFLINE[0]!, [...OFFLINE.slice(1), "tar", "--version"]).status === 0;

describe.skipIf(!canRun)(
  `a bundle on a machine without a network${canRun ? "" : " (skipped: no unshare or tar)"}`,
  () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-bundle-"));
    const home = join(dir, "home");
    const to = join(dir, "installed");
    let folder = "";
    afterAll(() => rmSync(dir, { recursive: true, force: true }));

    const offline = (command: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(OFFLINE[0]!, [...OFFLINE.slice(1), ...command], {
        encoding: "utf8",
        cwd: dir,
        env: { PATH: "/usr/bin:/bin", HOME: home },
        timeout: 60_000,
      });

    beforeAll(async () => {
      mkdirSync(home);
      const models = join(dir, "models");
      await makeCtcModel(models, "int8");
      const args = ["bundle", join(dir, "all.tar.gz"), "--set", `model.id=${CTC_ID}`];
      const said = execFileSync(process.execPath, [LAUNCHER, ...args], {
        encoding: "utf8",
        env: { PATH: process.env["PATH"], HOME: home, GIGASTT_MODEL_DIR: models },
        stdio: ["ignore", "pipe", "ignore"],
      });
      // The printed command, but for the name that was chosen here.
      const printed = /tar xzf (\S+) && sh (\S+)\/install\.sh/.exec(said);
      folder = printed?.[2] ?? "";
      execFileSync("tar", ["-C", dir, "-xzf", join(dir, "all.tar.gz")]);
    }, 180_000);

    test("installs, recognises with the model that came along, and installs again over itself", () => {
      for (let time = 0; time < 2; time++) {
        const installed = offline(["sh", `${folder}/install.sh`, to]);
        expect(installed.stderr).toBe("");
        expect([installed.status, installed.stdout]).toEqual([
          0,
          expect.stringContaining(`Start it with: ${to}/bin/gigastt up`),
        ]);
      }
      const said = offline([join(to, "bin/gigastt"), "transcribe", SAMPLE, "--set", `model.id=${CTC_ID}`]);
      expect([said.status, said.stdout]).toEqual([0, expect.stringContaining("температуру пятьдесят пять")]);
    });

    test("a file that was changed on the way is refused before anything is written", () => {
      appendFileSync(join(dir, folder, "app/dist/cli/main.js"), "\n");
      const other = join(dir, "other");
      const { status, stderr } = offline(["sh", `${folder}/install.sh`, other]);
      expect([status, stderr]).toEqual([
        1,
        expect.stringContaining("files differ from SHA256SUMS. Copy the bundle again."),
      ]);
      expect(existsSync(other)).toBe(false);
    });
  },
);
