import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { childNotes } from "./harness.ts";
import { isAlive } from "../../../src/shared/process/process-identity.ts";

const run = promisify(execFile);
const cli = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));

let home: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "gigastt-uninstall-"));
});
afterEach(() => {
  for (const note of childNotes(join(home, "gigastt"))) if (isAlive(note)) process.kill(note.pid, "SIGKILL");
  rmSync(home, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
});

/** State and data share a folder, as under systemd. */
function gigastt(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const env = { ...process.env, HOME: home, XDG_STATE_HOME: home, XDG_DATA_HOME: home };
  return run(process.execPath, [cli, ...args], { cwd: home, env });
}

describe("gigastt uninstall", () => {
  it("without --yes only lists; with it stops the service, removes what gigastt made and lists everything it leaves", async () => {
    const config = join(home, "gigastt.config.yaml");
    const secrets = join(home, "secrets");
    writeFileSync(config, `server:\n  port: 0\ndeploy:\n  secretsDir: ${secrets}\n`);
    mkdirSync(secrets);
    const state = join(home, "gigastt");
    await gigastt("up", "--detach");
    const local = join(state, "models", "made-here");
    mkdirSync(local, { recursive: true });
    writeFileSync(join(state, "family.jpg"), "not ours");

    const listed = (await gigastt("uninstall")).stdout;
    expect(listed).toMatch(/^would stop gigastt \(pid \d+\)\n/);
    expect(listed).toContain(`would remove ${join(state, "logs")}\n`);
    expect(listed).toContain("nothing was removed; to remove these, add --yes");
    expect(existsSync(join(state, "control.sock"))).toBe(true);

    const [note] = childNotes(state);
    const { stdout } = await gigastt("uninstall", "--yes", "--models");
    expect(stdout).toMatch(/^stopped gigastt \(pid \d+\)\n/);
    expect(note !== undefined && isAlive(note)).toBe(false);
    // Whatever is left was named, and whatever was named is left.
    const left = [...stdout.matchAll(/^left (\/.*)$/gm)].map(([, path]) => path);
    expect(left.sort()).toEqual([config, secrets, state, join(state, "models")].sort());
    for (const path of left) expect(existsSync(path ?? "")).toBe(true);
    expect((await import("node:fs")).readdirSync(state).sort()).toEqual(["family.jpg", "models"]);
    expect(existsSync(local)).toBe(true);
    expect(readFileSync(config, "utf8")).toContain("secretsDir");
  });

  it("leaves no state folder when nothing else was in it, nor a socket folder elsewhere", async () => {
    const deep = join(home, "a".repeat(120));
    const runtime = join(home, "run");
    mkdirSync(runtime);
    const args = ["--state-dir", deep];
    const env = { ...process.env, HOME: home, XDG_RUNTIME_DIR: runtime };
    const here = (...words: string[]): Promise<{ stdout: string }> =>
      run(process.execPath, [cli, ...words, ...args], { cwd: home, env });
    await here("up", "--detach", "--set", "server.port=0");
    await here("uninstall", "--yes");
    expect(existsSync(deep)).toBe(false);
    expect((await import("node:fs")).readdirSync(runtime)).toEqual([]);
  });
});
