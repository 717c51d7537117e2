import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const cli = fileURLToPath(new URL("../../bin/gigastt.js", import.meta.url));
const fixture = fileURLToPath(new URL("_cli-fixture.js", import.meta.url));
const env = { PATH: process.env["PATH"] ?? "" };
const run = (file: string, ...argv: string[]) =>
  spawnSync(process.execPath, [file, ...argv], { encoding: "utf8", env });

/** Starts a command of the fixture and waits for its first line. */
async function start(name: string): Promise<{ child: ChildProcess; ended: Promise<unknown[]>; output: () => string }> {
  const child = spawn(process.execPath, [fixture, name], { stdio: ["ignore", "pipe", "pipe"], env });
  let text = "";
  const ended = once(child, "exit");
  await new Promise<void>((resolve) => {
    const collect = (chunk: unknown): void => {
      text += String(chunk);
      if (text.includes("ready")) resolve();
    };
    child.stdout?.on("data", collect);
    child.stderr?.on("data", collect);
  });
  return { child, ended, output: () => text };
}

describe("exit codes of the real process", () => {
  it("0 when it worked, 2 for usage and configuration, 1 for a bug, and whatever the command returns", () => {
    const version = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
    expect(run(cli, "--version")).toMatchObject({ status: 0, stdout: `gigastt ${version}\n`, stderr: "" });
    expect(run(cli, "frobnicate")).toMatchObject({ status: 2, stdout: "" });
    expect(run(cli, "config", "check", "--config", "/nonexistent.yaml")).toMatchObject({ status: 2, stdout: "" });
    expect(run(fixture, "three").status).toBe(3);
    const bug = run(fixture, "bug");
    expect([bug.status, bug.stdout]).toEqual([1, ""]);
    expect(bug.stderr).toMatch(/^gigastt: bug: TypeError: .*\n(?: +at .*\n)+This should not happen\. Please report it/);
  });
});

describe("output that cannot be written", () => {
  const full = existsSync("/dev/full");
  (full ? it : it.skip)(
    `a full disk is told in a line, without a stack${full ? "" : " (skipped: no /dev/full here)"}`,
    () => {
      const target = openSync("/dev/full", "w");
      const ended = spawnSync(process.execPath, [cli, "config", "print"], {
        encoding: "utf8",
        env,
        stdio: ["ignore", target, "pipe"],
      });
      closeSync(target);
      expect(ended.status).toBe(1);
      expect(ended.stderr).toBe("gigastt: the output cannot be written: ENOSPC: no space left on device, write\n");
    },
  );
});

describe("signals", () => {
  it("SIGINT lets the command clean up and exits 130, without an error message", async () => {
    const { child, ended, output } = await start("wait");
    child.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
    expect(output()).toBe("ready\ncleaned up\n");
  });
  it("SIGTERM likewise, with 143", async () => {
    const { child, ended } = await start("wait");
    child.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
  });
  it("the first signal ends a command that does not watch for any, even while it computes", async () => {
    const { child, ended } = await start("stubborn");
    child.kill("SIGINT");
    expect(await ended).toEqual([null, "SIGINT"]);
  });
  it("a command with its own handlers gets the signal alone", async () => {
    const { child, ended, output } = await start("own");
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(output()).toBe("ready\ndrained\n");
  });
});

describe("the world around", () => {
  it("a reader that closes the pipe early is not an error", () => {
    const command = `{ "${process.execPath}" "${fixture}" spam; echo "code $?" >&2; } | head -n 1`;
    expect(spawnSync("sh", ["-c", command], { encoding: "utf8", env })).toMatchObject({
      stdout: "0\n",
      stderr: "code 0\n",
    });
  });
  it("a closed stdout and stderr crash nothing", () => {
    const command = `"${process.execPath}" "${cli}" config explain >&-; echo $?; "${process.execPath}" "${cli}" frobnicate 2>&-; echo $?`;
    expect(spawnSync("sh", ["-c", command], { encoding: "utf8", env }).stdout).toBe("0\n2\n");
  });
  it("a working directory that was deleted does no harm", () => {
    const dir = mkdtempSync(join(tmpdir(), "gigastt-gone-"));
    const command = `cd "${dir}" && rmdir "${dir}" && exec "${process.execPath}" "${cli}" config check`;
    const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8", env });
    expect([status, stderr]).toEqual([0, ""]);
    rmSync(dir, { recursive: true, force: true });
  });
  it("--version and --help load no dependency, a usable file loads yaml, only a wrong one ajv", () => {
    expect(packagesLoadedBy("--version")).toEqual([]);
    expect(packagesLoadedBy("--help")).toEqual([]);
    expect(packagesLoadedBy("config", "check")).toEqual([]);
    const file = fileURLToPath(new URL("../../gigastt.config.yaml", import.meta.url));
    expect(packagesLoadedBy("config", "check", file)).toEqual(["yaml"]);
    expect(packagesLoadedBy("config", "check", "--set", "pool.size=x")).toContain("ajv");
  });
});

/** Names of the packages a run imports, told by a resolve hook. */
function packagesLoadedBy(...argv: string[]): string[] {
  const hook = `export async function resolve(s, c, n) {
    const found = await n(s, c);
    const name = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(found.url);
    if (name) process._rawDebug("LOADED " + name[1]);
    return found;
  }`;
  const preload = `import { register } from "node:module"; register("data:text/javascript,${encodeURIComponent(hook)}");`;
  const flag = `--import=data:text/javascript,${encodeURIComponent(preload)}`;
  const { stderr, status } = spawnSync(process.execPath, [flag, cli, ...argv], {
    encoding: "utf8",
    env,
    cwd: tmpdir(),
  });
  expect(status, stderr).toBeOneOf([0, 2]);
  return [...new Set([...stderr.matchAll(/LOADED (.*)/g)].map(([, name]) => name ?? ""))].sort();
}
