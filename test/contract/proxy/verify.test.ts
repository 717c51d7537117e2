import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { runCli } from "../../support/cli.ts";
import { describeFront } from "./cases.ts";
import { KEYS, openTerminal } from "../../system/machine/terminal.ts";
import { DOMAIN, findTool, FRONTS, PASSWORD, startFront, type RunningFront } from "./front.ts";
import { verifyArguments, verifyFront } from "./verify-front.ts";

const config = { server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [] as string[], allowedHosts: [DOMAIN] } };

// Traefik answers 301 to a GET and its own refusals carry no policy: docs/deploy/traefik.md.
for (const front of FRONTS.filter(({ kind }) => kind !== "traefik")) {
  describeFront(front, " in front of gigastt verify", () => {
    let server: TestServer;
    let running: RunningFront;
    beforeAll(async () => {
      server = await startTestServer({ config });
      running = await startFront(front, server.port, { deploy: { auth: { kind: "basic" } } });
      // The public origin has the port of this run: what `init` and the loader put there.
      const { current } = server.runtime.context.settings;
      const allowedOrigins = [`https://${DOMAIN}:${running.httpsPort}`];
      expect(server.runtime.reload({ ...current, server: { ...current.server, allowedOrigins } })).toBeUndefined();
    });
    afterAll(async () => {
      await running?.stop();
      await server?.close();
    });

    it("passes every line against the rendered set", async () => {
      const { code, stdout } = await verifyFront(running, ["--user", "anna"], PASSWORD);
      expect(stdout).not.toContain("FAILED");
      expect(stdout.split("\n").filter((line) => line.startsWith("ok"))).toHaveLength(13);
      expect(code).toBe(0);
    });

    it("answers JSON with one entry per check", async () => {
      const { stdout } = await verifyFront(running, ["--user", "anna", "--json"], PASSWORD);
      const report = JSON.parse(stdout) as { ok: boolean; checks: { id: string; ok: boolean }[] }; // our own JSON
      expect(report.ok).toBe(true);
      expect(report.checks.map(({ id }) => id)).toEqual([
        "certificate",
        "redirect",
        "old-tls",
        "health",
        "auth",
        "headers",
        "metrics",
        "origin",
        "rest",
        "sse",
        "websocket",
        "upload-limit",
        "unknown-host",
      ]);
    });

    it("says so when the password is wrong, the limit is another one, and the CA is not known", async () => {
      expect((await verifyFront(running, ["--user", "anna"], "wrong password")).stdout).toContain(
        "FAILED  Authentication: the given credentials are refused with 401",
      );
      expect((await verifyFront(running, ["--user", "anna", "--body-limit", "40MiB"], PASSWORD)).stdout).toContain(
        "FAILED  Upload limit: an upload of one byte over 42 MB",
      );
      const { stdout, code } = await runCli(
        ["verify", `https://${DOMAIN}:${running.httpsPort}`, "--connect", "127.0.0.1", "--open"],
        running.dir,
      );
      expect(code).toBe(1);
      expect(stdout).toContain("FAILED  Certificate: the chain is incomplete, or its CA is not known");
    });
  });
}

const python = findTool("python3");
const noTerminal = python === undefined ? " (a terminal skipped: python3 is not installed)" : "";
describeFront(FRONTS[0]!, ` and where gigastt verify gets the password from${noTerminal}`, () => {
  let server: TestServer;
  let running: RunningFront;
  beforeAll(async () => {
    server = await startTestServer({ config });
    running = await startFront(FRONTS[0]!, server.port, { deploy: { auth: { kind: "basic" } } });
  });
  afterAll(async () => {
    await running?.stop();
    await server?.close();
  });
  const LET_IN = "ok      Authentication: ";

  it("the first line of a file, also when it ends as on Windows", async () => {
    writeFileSync(join(running.dir, "anna.txt"), `${PASSWORD}\r\nnot this\n`);
    const { stdout } = await verifyFront(running, ["--user", "anna", "--password-file", "anna.txt"], "not this");
    expect(stdout).toContain(LET_IN);
  });

  it("the environment before standard input, unless it is empty", async () => {
    const from = (value: string, stdin: string) =>
      verifyFront(running, ["--user", "anna"], stdin, { GIGASTT_PASSWORD: value });
    expect((await from(PASSWORD, "not this")).stdout).toContain(LET_IN);
    expect((await from("", `${PASSWORD}\n`)).stdout).toContain(LET_IN);
  });

  it.skipIf(python === undefined)("a person in a terminal, who does not see it", async () => {
    const session = openTerminal(verifyCommand(running));
    await session.answer("Password of anna: ", `${PASSWORD}\r`);
    await session.ended;
    expect(session.screen.text()).toContain(LET_IN);
    expect(session.painted()).not.toContain(PASSWORD);

    const left = openTerminal(verifyCommand(running));
    await left.answer("Password of anna: ", KEYS.ctrlC);
    expect(await left.ended).toBe(2);
    expect(left.screen.text()).toContain("nothing was entered");
  });
});

function verifyCommand(running: RunningFront): readonly string[] {
  const bin = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));
  return [process.execPath, bin, ...verifyArguments(running), "--user", "anna"];
}

const REFUSED = [
  ["verify ftp://x.example.com", "URL must be an http or https address without path or password"],
  ["verify https://x.example.com/path", "URL must be"],
  ["verify https://x.example.com --connect name", '--connect must be an IP address, got "name"'],
  ["verify https://x.example.com --body-limit 50", "--body-limit must be a size such as 50MiB"],
  ["verify https://x.example.com --timeout 0", "--timeout must be 1 to 600 seconds"],
  ["verify https://x.example.com --cert a.pem", "--cert needs --key, and --key needs --cert"],
  ["verify https://x.example.com --ca missing.pem", "--ca missing.pem cannot be read"],
  ["verify https://x.example.com --password-file p", "--password-file needs --user NAME"],
  ["verify https://x.example.com --user a --password-file missing.txt", "--password-file missing.txt cannot be read"],
  ["verify https://x.example.com --user a --key-stdin", "--user and --key-stdin cannot be combined"],
];

describe("gigastt verify", () => {
  it.each(REFUSED)("refuses %s with the cure", async (line, message) => {
    const { code, stderr } = await runCli(line.split(" "), "/");
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("an unknown name fails with a sentence, not a stack", async () => {
    const { code, stdout } = await runCli(
      ["verify", "https://gigastt-verify.invalid", "--open", "--timeout", "2"],
      "/",
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/^FAILED {2}Certificate: the name is not in DNS|^FAILED {2}Certificate: /);
    expect(stdout).not.toContain("    at ");
  });
});
