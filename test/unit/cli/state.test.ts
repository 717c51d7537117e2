import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runLine, type Outcome } from "./_run.ts";

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-state-"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const status = (config: string, ...flags: string[]): Promise<Outcome> => {
  writeFileSync(join(dir, "gigastt.config.yaml"), config);
  return runLine(["status", ...flags], { cwd: dir, env: { HOME: dir } });
};
const nothingAt = (folder: string): Outcome => ({
  code: 1,
  stdout: "",
  stderr: `gigastt: gigastt is not running (looked at ${join(folder, "control.sock")}). Start it:\n  gigastt up\n`,
});

describe("the state folder a command means", () => {
  it("is the configured one, also while the configuration has problems elsewhere", async () => {
    const stateDir = join(dir, "own");
    expect(await status(`supervisor:\n  stateDir: ${stateDir}\n`)).toEqual(nothingAt(stateDir));
    expect(await status(`pool:\n  size: many\nsupervisor:\n  stateDir: ${stateDir}\n`)).toEqual(nothingAt(stateDir));
    expect(await status(`pool:\n  sizes: 4\nsupervisor: { stateDir: ${stateDir} }\n`)).toEqual(nothingAt(stateDir));
  });

  it("is the user's own where the configuration names none, however broken it is", async () => {
    const own = join(dir, ".local", "state", "gigastt");
    expect(await status("pool:\n  size: many\n")).toEqual(nothingAt(own));
    expect(await status("# stateDir\npool: [\n")).toEqual(nothingAt(own));
    expect(await status("supervisor:\n  stateDir: null\npool:\n  size: many\n")).toEqual(nothingAt(own));
  });

  it("a wrong stateDir, a wrong flag and a file that is not there are the user's to mend", async () => {
    expect(await status("supervisor:\n  stateDir: 5\n")).toMatchObject({ code: 2 });
    expect(await status("supervisor:\n  stateDir: /x\n", "--set", "pool.size=many")).toMatchObject({ code: 2 });
    expect(await status("", "--config", "missing.yaml")).toMatchObject({ code: 2 });
  });
});
