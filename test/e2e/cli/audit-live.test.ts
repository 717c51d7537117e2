import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough, Writable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { registry } from "../../../src/cli/registry.ts";
import { run } from "../../../src/cli/run.ts";
import { runCli } from "../../support/cli.ts";

let dir = "";
let asked = 0;
let url = "";
const server = createServer((_request, response) => {
  asked += 1;
  response.end("{}");
});
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-live-"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`; // a TCP server
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(dir, { recursive: true, force: true });
});

const REFUSED: readonly (readonly [line: string, message: string])[] = [
  ["--live ftp://x.example.com --consent", "--live must be an http or https address without path or password"],
  ["--live https://x.example.com/path --consent", "--live must be an http or https address"],
  ["--live https://anna:secret@x.example.com --consent", "--live must be an http or https address"],
  ["--live nonsense --consent", '--live must be an http or https address without path or password, got "nonsense"'],
  ["--live https://x.example.com --consent --live-requests 0", '--live-requests must be 1 to 1000, got "0"'],
  ["--live https://x.example.com --consent --live-time 1e9", '--live-time must be 1 to 7200 seconds, got "1e9"'],
  ["--live https://x.example.com --consent --connect name", '--connect must be an IP address, got "name"'],
  ["--live https://x.example.com --consent --cert a.pem", "--cert needs --key, and --key needs --cert"],
  ["--live https://x.example.com --consent --fix", "--fix and --live cannot be combined"],
  ["--consent", "--consent needs --live URL"],
  [". --user anna", "--user needs --live URL"],
];

describe("gigastt audit --live", () => {
  it.each(REFUSED)("refuses %s with the cure", async (line, message) => {
    const { code, stderr } = await runCli(["audit", ...line.split(" ")], dir);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  it("sends nothing without consent where there is no terminal", async () => {
    asked = 0;
    const { code, stderr } = await runCli(["audit", "--live", url], dir);
    expect(code).toBe(2);
    expect(stderr).toContain("Are you allowed to do that to this host? If yes, repeat it with --consent");
    expect(asked).toBe(0);
  });

  it.each([
    ["n", 0, 3],
    ["", 0, 3],
    ["yes", 1, 1],
  ])("asks a person at a terminal, who says %j", { timeout: 30_000 }, async (said, least, code) => {
    asked = 0;
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    let stderr = "";
    const sink = (add: (text: string) => void): NodeJS.WriteStream =>
      new Writable({
        write(chunk: Buffer, _encoding, done) {
          add(chunk.toString());
          done();
        },
      }) as unknown as NodeJS.WriteStream; // commands use only `write`
    const ended = run(["audit", "--live", url, "--live-requests", "5", "--live-time", "5"], {
      registry,
      version: () => "0.0.0",
      stdin,
      stdout: sink(() => {}),
      stderr: sink((text) => {
        stderr += text;
        if (text.includes("[y/N]")) stdin.write(`${said}\n`);
      }),
      env: {},
      cwd: dir,
      signal: new AbortController().signal,
    });
    expect(await ended, stderr).toBe(code);
    expect(stderr).toContain(`Up to 5 requests go to ${url}`);
    expect(asked).toBeGreaterThanOrEqual(least);
    if (least === 0) {
      expect(asked).toBe(0);
      expect(stderr).toContain("nothing was sent");
    }
  });

  it("exits 3 when nothing listens, and says of every probe that it was not checked", async () => {
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, "127.0.0.1", resolve));
    const { port } = gone.address() as AddressInfo; // a TCP server
    await new Promise((resolve) => gone.close(resolve));
    const { code, stdout } = await runCli(["audit", "--live", `http://127.0.0.1:${port}`, "--consent"], dir);
    expect(code).toBe(3);
    expect(stdout.match(/^not checked /gm)).toHaveLength(18);
    expect(stdout).toContain("no findings in 18 checks, 18 of them not checked");
  });

  it(
    "stays within its requests, shows progress on stderr and checks in every format",
    { timeout: 60_000 },
    async () => {
      asked = 0;
      const formats = ["text", "json", "sarif", "junit", "github", "markdown"];
      for (const format of formats) {
        const { code, stdout, stderr } = await runCli(
          ["audit", "--live", url, "--consent", "--live-requests", "10", "--live-time", "5", "--format", format],
          dir,
        );
        // It lets every page in: an error.
        expect(code, stderr).toBe(1);
        expect(stdout, format).toContain("GA-LIV-002");
        expect(stderr).toContain("GA-LIV-005");
      }
      expect(asked).toBeLessThanOrEqual(10 * formats.length);
    },
  );

  it("explains a probe", async () => {
    const { code, stdout } = await runCli(["audit", "explain", "ga-liv-001"], dir);
    expect(code).toBe(0);
    expect(stdout).toContain("GA-LIV-001 A forged address header gets past the rate limit");
  });
});
