import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { runProgram, startHelper } from "../../../../src/shared/process/program.ts";
import type { HelperOptions } from "../../../../src/shared/process/program.ts";

const dir = mkdtempSync(join(tmpdir(), "gigastt-program-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
const limits = { timeoutMs: 20_000 };
const shell = (script: string, options: Partial<Parameters<typeof runProgram>[2]> = {}) =>
  runProgram("/bin/sh", ["-c", script], { ...limits, ...options });
const node = (script: string, options: Partial<Parameters<typeof runProgram>[2]> = {}) =>
  runProgram(process.execPath, ["-e", script], { ...limits, ...options });

describe("an external program", () => {
  it("gives output and exit code", async () => {
    expect(await shell("echo out; echo err >&2")).toEqual({
      exitCode: 0,
      stdout: "out\n",
      stderr: "err\n",
      trouble: undefined,
      isMissing: false,
    });
    expect(await shell("echo first >&2; echo last >&2; exit 3")).toMatchObject({
      exitCode: 3,
      trouble: "/bin/sh ended with exit code 3: last",
    });
    expect(await shell("kill -TERM $$")).toMatchObject({
      exitCode: undefined,
      trouble: "/bin/sh was killed by SIGTERM",
    });
  });

  it("takes every argument as it is: no shell reads it", async () => {
    const words = ["$HOME", "a b", "; touch x", "`id`", "*", "", "'\"", "ж\n"];
    const { stdout } = await runProgram(
      process.execPath,
      ["-p", "JSON.stringify(process.argv.slice(1))", ...words],
      limits,
    );
    expect(JSON.parse(stdout)).toEqual(words);
  });

  it("takes its input from us, and need not read it", async () => {
    expect((await shell("cat", { input: "secret ж" })).stdout).toBe("secret ж");
    expect((await shell("exit 0", { input: "x".repeat(2 ** 21) })).exitCode).toBe(0);
    expect((await shell("cat")).stdout).toBe("");
  });

  it("gets the environment that is named, and nothing else", async () => {
    const { stdout } = await runProgram("/usr/bin/env", [], { ...limits, env: { ONLY: "this" } });
    expect(stdout).toBe("ONLY=this\n");
  });

  it("that is missing or may not be run is told apart", async () => {
    expect(await runProgram("gigastt-no-such-program", [], limits)).toMatchObject({
      exitCode: undefined,
      isMissing: true,
      trouble: "gigastt-no-such-program is not installed",
    });
    const file = join(dir, "not-executable");
    writeFileSync(file, "#!/bin/sh\n");
    chmodSync(file, 0o644);
    expect(await runProgram(file, [], limits)).toMatchObject({
      isMissing: false,
      trouble: `${file} cannot be run by this user: permission denied`,
    });
    const broken = join(dir, "broken");
    writeFileSync(broken, "#!/no/such/interpreter\n", { mode: 0o755 });
    expect((await runProgram(broken, [], limits)).trouble).toContain(broken);
    expect((await runProgram("/bin/true", [], { ...limits, cwd: join(dir, "gone") })).trouble).toContain("/bin/true");
  });

  it("is killed at its time limit with everything it started", async () => {
    const mark = join(dir, "grandchild");
    const began = performance.now();
    const end = await shell(`(sleep 3; echo alive > ${mark}) & sleep 60`, { timeoutMs: 300 });
    expect(end).toMatchObject({ exitCode: undefined, trouble: "/bin/sh did not end within 0.3 s" });
    expect(performance.now() - began).toBeLessThan(2500);
    await new Promise((resolve) => setTimeout(resolve, 3200));
    expect(existsSync(mark)).toBe(false);
  });

  it("is killed when the caller gives up, before or during the run", async () => {
    expect(await shell("sleep 60", { signal: AbortSignal.timeout(200) })).toMatchObject({
      trouble: "/bin/sh was interrupted",
    });
    expect(await shell("sleep 60", { signal: AbortSignal.abort() })).toMatchObject({
      trouble: "/bin/sh was interrupted",
    });
  });

  it("that leaves something running is not waited for", async () => {
    const began = performance.now();
    expect(await shell("echo done; sleep 5 &")).toMatchObject({ exitCode: 0, stdout: "done\n", trouble: undefined });
    expect(performance.now() - began).toBeLessThan(4000);
  });

  it("may write so much and no more, counted in bytes", async () => {
    const much = 'process.stdout.write("ж".repeat(600))';
    expect((await node(much, { maxOutputBytes: 1200 })).stdout).toBe("ж".repeat(600));
    const end = await node(much, { maxOutputBytes: 1199 });
    expect(end).toMatchObject({ exitCode: undefined });
    expect(end.trouble).toContain("wrote more than 1199 bytes");
    const endless = await shell("yes", { maxOutputBytes: 10_000 });
    expect(endless.trouble).toBe("/bin/sh wrote more than 10000 bytes");
    expect(endless.stdout.length).toBeLessThanOrEqual(10_000);
    expect(await shell("yes | head -c 100000", { maxOutputBytes: 0 })).toMatchObject({ exitCode: 0, stdout: "" });
  });
});

describe("a helper of gigastt", () => {
  const helper = (name: string, script: string, options: Partial<HelperOptions> = {}) => {
    const path = join(dir, `${name}.mjs`);
    writeFileSync(path, script);
    return startHelper(pathToFileURL(path), { onMessage: () => {}, ...options });
  };

  it("answers over IPC, and its end is known", async () => {
    const heard: unknown[] = [];
    const child = await helper("echo", 'process.on("message", (m) => process.send(m, () => process.disconnect()));', {
      onMessage: (message) => heard.push(message),
      serialization: "advanced",
    });
    expect(await child.send({ samples: new Float32Array([1, 2]) })).toBe(true);
    expect(await child.ended).toEqual({ exitCode: 0, signal: undefined, startFailure: undefined, stderr: "" });
    expect(heard).toEqual([{ samples: new Float32Array([1, 2]) }]);
    expect(await child.send({ late: true })).toBe(false);
  });

  it("that dies tells how, with the end of what it wrote", async () => {
    const child = await helper("dies", 'process.stderr.write("x".repeat(9000) + "last words"); process.exitCode = 7;');
    const end = await child.ended;
    expect(end.exitCode).toBe(7);
    expect(end.stderr).toHaveLength(4000);
    expect(end.stderr.endsWith("last words")).toBe(true);
    const killed = await helper("hangs", 'process.on("message", () => {});');
    killed.kill("SIGKILL");
    expect((await killed.ended).signal).toBe("SIGKILL");
  });

  it("that cannot be started is reported, not thrown", async () => {
    const child = await startHelper(join(dir, "none.mjs"), { onMessage: () => {}, cwd: join(dir, "gone") });
    expect((await child.ended).startFailure).toBeDefined();
  });

  it("is loaded with the first program alone: importing the owner costs nothing", () => {
    const source = readFileSync(new URL("../../../../src/shared/process/program.ts", import.meta.url), "utf8");
    expect(source.match(/^import (?!type)[^\n]*execa/gm)).toBeNull();
  });
});
