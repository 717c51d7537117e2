import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { runCli } from "../../support/cli.ts";
import { describeFront } from "./cases.ts";
import { DOMAIN, FRONTS, PASSWORD, startFront, type RunningFront } from "./front.ts";
import { verifyFront } from "./verify-front.ts";

const config = { server: { trustedProxies: ["127.0.0.1/32"], allowedOrigins: [] as string[] } };

for (const front of FRONTS) {
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
        "FAILED  Authentication: the credentials given are refused with 401",
      );
      expect((await verifyFront(running, ["--user", "anna", "--body-limit", "40MiB"], PASSWORD)).stdout).toContain(
        "FAILED  Upload limit: one byte over 40MiB",
      );
      const { stdout, code } = await runCli(
        ["verify", `https://${DOMAIN}:${running.httpsPort}`, "--connect", "127.0.0.1", "--open"],
        running.dir,
      );
      expect(code).toBe(1);
      expect(stdout).toContain("FAILED  Certificate: it is not trusted");
    });
  });
}

const REFUSED = [
  ["verify ftp://x.example.com", "URL must be an http or https address without path or password"],
  ["verify https://x.example.com/path", "URL must be"],
  ["verify https://x.example.com --connect name", '--connect must be an IP address, got "name"'],
  ["verify https://x.example.com --body-limit 50", "--body-limit must be a size such as 50MiB"],
  ["verify https://x.example.com --timeout 0", "--timeout must be 1 to 600 seconds"],
  ["verify https://x.example.com --cert a.pem", "--cert and --key go together"],
  ["verify https://x.example.com --ca missing.pem", "--ca missing.pem cannot be read"],
  ["verify https://x.example.com --user a --key-stdin", "--user and --key-stdin do not go together"],
];

describe("gigastt verify", () => {
  it.each(REFUSED)("refuses %s with the cure", async (line, message) => {
    const { code, stderr } = await runCli(line.split(" "), "/");
    expect(code).toBe(2);
    expect(stderr).toContain(message);
  });

  it("a name nobody knows fails with a sentence, not a stack", async () => {
    const { code, stdout } = await runCli(
      ["verify", "https://gigastt-verify.invalid", "--open", "--timeout", "2"],
      "/",
    );
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED {2}Certificate: the name is not known to the name server|FAILED {2}Certificate: /);
    expect(stdout).not.toContain("    at ");
  });
});
