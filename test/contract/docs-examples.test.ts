import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../support/runtime-server.ts";
import { createPacedEngine } from "../support/paced-engine.ts";
import { wavFile } from "../../src/shared/wav.ts";

/** The examples of the reference pages, run as they stand there: only the address and the folder differ. */
const root = fileURLToPath(new URL("../../", import.meta.url));
const dir = mkdtempSync(join(tmpdir(), "gigastt-examples-"));
const run = promisify(execFile);
let server: TestServer;

beforeAll(async () => {
  server = await startTestServer({ engine: createPacedEngine() });
  writeFileSync(join(dir, "talk.wav"), wavFile(new Int16Array(8000).fill(1000)));
});
afterAll(async () => {
  await server.close();
  rmSync(dir, { recursive: true, force: true });
});

function examples(page: string, language: string): string[] {
  const text = readFileSync(join(root, "docs/reference", page), "utf8");
  const section = text.slice(text.indexOf("\n## Examples\n"));
  const blocks = [...section.matchAll(/```(\w+)\n([\s\S]*?)```/g)].filter(([, name]) => name === language);
  return blocks.map(([, , code = ""]) => code.replaceAll("127.0.0.1:9876", `127.0.0.1:${server.port}`));
}
const has = async (program: string, ...args: string[]): Promise<boolean> =>
  run(program, args).then(
    () => true,
    () => false,
  );

describe("examples of the reference", () => {
  it("curl: three calls", async (context) => {
    if (!(await has("curl", "--fail-with-body", "--version")))
      context.skip("there is no curl that knows --fail-with-body");
    const [code = ""] = examples("http.md", "sh");
    const { stdout } = await run("sh", ["-e", "-c", code], { cwd: dir });
    expect(stdout).toContain('"text":"16044 bytes"');
    expect(stdout).toContain('data: {"type":"final"');
    expect(existsSync(join(dir, "talk.srt"))).toBe(true);
  });

  it("Node: events of a file", async () => {
    const [code = ""] = examples("http.md", "js");
    writeFileSync(join(dir, "http.mjs"), code);
    const { stdout } = await run(process.execPath, ["http.mjs"], { cwd: dir });
    expect(stdout.trim()).not.toBe("");
  });

  it("Node: a live session", async () => {
    const [code = ""] = examples("websocket.md", "js");
    // The package is found from here; the recording is named by its path.
    const script = code.replace('"talk.wav"', JSON.stringify(join(dir, "talk.wav")));
    const { stdout, stderr } = await run(process.execPath, ["--input-type=module", "-e", script], { cwd: root });
    expect([stdout.trim() === "", stderr]).toEqual([false, ""]);
  });

  it("Python: a file, and the syntax of the live session", async (context) => {
    if (!(await has("python3", "-c", "import sys; assert sys.version_info >= (3, 8)")))
      context.skip("there is no Python 3.8");
    const [code = ""] = examples("http.md", "python");
    writeFileSync(join(dir, "transcribe.py"), code);
    const { stdout } = await run("python3", ["transcribe.py"], { cwd: dir });
    expect(stdout.trim()).not.toBe("");
    const [live = ""] = examples("websocket.md", "python");
    writeFileSync(join(dir, "live.py"), live);
    await run("python3", ["-m", "py_compile", "live.py"], { cwd: dir });
    if (await has("python3", "-c", "import websockets"))
      expect((await run("python3", ["live.py"], { cwd: dir })).stdout.trim()).not.toBe("");
  });
});
