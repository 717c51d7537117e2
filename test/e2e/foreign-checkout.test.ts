import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, expect, it } from "vitest";

const checkout = fileURLToPath(new URL("../../", import.meta.url));
/** A user without rights. */
const NOBODY = { uid: 65534, gid: 65534 };
/** Only root can be another user, and that one must be let at Node. */
const canBeNobody = process.getuid?.() === 0 && spawnSync(process.execPath, ["-e", "0"], NOBODY).status === 0;

let dir = "";
afterEach(() => rmSync(dir, { recursive: true, force: true }));

(canBeNobody ? it : it.skip)(
  `a checkout of another user that was never built says that its owner must start it first${canBeNobody ? "" : " (skipped: no other user can be tried here)"}`,
  () => {
    dir = mkdtempSync(join(tmpdir(), "gigastt-foreign-"));
    chmodSync(dir, 0o755);
    for (const name of ["gigastt", "bin", "scripts", "package.json", "package-lock.json", "src"])
      cpSync(join(checkout, name), join(dir, name), { recursive: true });
    const start = () => {
      const ended = spawnSync(process.execPath, ["gigastt", "--version"], {
        cwd: dir,
        env: { PATH: process.env["PATH"] ?? "" },
        encoding: "utf8",
        ...NOBODY,
      });
      return [ended.status, ended.stdout, ended.stderr];
    };
    expect(start()).toEqual([
      1,
      "",
      `gigastt: ${dir} must be installed first, but this user cannot write there: run ${join(dir, "gigastt")} --version as its owner.\n`,
    ]);
    expect(existsSync(join(dir, "node_modules"))).toBe(false);
  },
);
