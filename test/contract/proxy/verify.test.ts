import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestServer, type TestServer } from "../../support/runtime-server.ts";
import { runCli, type CliResult } from "../../support/cli.ts";
import { describeFront } from "./cases.ts";
import { DOMAIN, FRONTS, PASSWORD, startFront, type Front, type RunningFront } from "./front.ts";

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
      const { code, stdout } = await verify(running, ["--user", "anna"], PASSWORD);
      expect(stdout).not.toContain("FAILED");
      expect(stdout.split("\n").filter((line) => line.startsWith("ok"))).toHaveLength(13);
      expect(code).toBe(0);
    });

    it("answers JSON with one entry per check", async () => {
      const { stdout } = await verify(running, ["--user", "anna", "--json"], PASSWORD);
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
      expect((await verify(running, ["--user", "anna"], "wrong password")).stdout).toContain(
        "FAILED  Authentication: the credentials given are refused with 401",
      );
      expect((await verify(running, ["--user", "anna", "--body-limit", "40MiB"], PASSWORD)).stdout).toContain(
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

// Each line must fail when its cause is broken on purpose: a change of the rendered file, and the check that notices.
const BREAKS: readonly (readonly [string, string, RegExp, string, string])[] = [
  ["redirect", "nginx 1.22", /return 308 [^;]*;/, "return 301 https://$host$request_uri;", "plain HTTP answers 301"],
  [
    "old-tls",
    "nginx 1.22",
    /ssl_protocols TLSv1.2 TLSv1.3;\nssl_ciphers [^;]*;/,
    "ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;\nssl_ciphers DEFAULT@SECLEVEL=0;",
    "is accepted: allow TLS 1.2 and 1.3 only",
  ],
  ["auth", "nginx 1.22", /auth_basic gigastt;/, "auth_basic off;", "everybody may come in"],
  ["auth", "nginx 1.22", /(location = \/v1\/ws \{)/, "$1\n auth_basic off;", "a live session without credentials gets"],
  ["headers", "nginx 1.22", / add_header X-Frame-Options DENY always;/, "", "lacks x-frame-options"],
  [
    "headers",
    "nginx 1.22",
    /(add_header Strict-Transport-Security \S+) always;/,
    "$1;",
    "lacks strict-transport-security",
  ],
  [
    "metrics",
    "nginx 1.22",
    /location \^~ \/metrics \{\s*return 404;/,
    "location ^~ /metrics {\n auth_basic off; return 200;",
    "/metrics is public",
  ],
  [
    "upload-limit",
    "nginx 1.22",
    /client_max_body_size \d+;/,
    "client_max_body_size 1m;",
    "50MiB gets 413 before it is sent",
  ],
  ["sse", "nginx 1.22", /(location = \/v1\/transcribe\/stream \{)/, "$1\n return 204;", "gets 204"],
  [
    "websocket",
    "nginx 1.22",
    /(location = \/v1\/ws \{)[\s\S]*?proxy_next_upstream off;/,
    "$1\n proxy_pass http://gigastt;",
    "the handshake gets",
  ],
  [
    "unknown-host",
    "nginx 1.22",
    /ssl_reject_handshake on;\s*return 444;/,
    "return 200 ok;",
    "the proxy answers for names that are not its own",
  ],
];

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

describe("gigastt verify with one cause broken on purpose", () => {
  const front = FRONTS.find(({ name }) => name === "nginx 1.22")!;
  const run = front.binary === undefined ? it.skip : it;
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer({ config });
  });
  afterAll(() => server.close());

  run.each(BREAKS)("%s fails (%#)", async (id, _front, pattern, replacement, message) => {
    const running = await startFront(front, server.port, { deploy: { auth: { kind: "basic" } } });
    try {
      await change(front, running, pattern, replacement);
      const { stdout } = await verify(running, ["--user", "anna", "--json"], PASSWORD);
      const { checks } = JSON.parse(stdout) as { checks: { id: string; ok: boolean; detail: string }[] }; // our own JSON
      const found = checks.find((check) => check.id === id)!;
      expect({ ok: found.ok, says: found.detail.includes(message), detail: found.detail }).toMatchObject({
        ok: false,
        says: true,
      });
    } finally {
      await running.stop();
    }
  });

  run("health, file and live session fail when the server is gone", async () => {
    const running = await startFront(front, 1, { deploy: { auth: { kind: "basic" } } });
    try {
      const { stdout } = await verify(running, ["--user", "anna"], PASSWORD);
      for (const title of ["Health", "File", "Live session"]) expect(stdout).toContain(`FAILED  ${title}:`);
      expect(stdout).toContain(
        "502: the proxy does not reach the server. Is it running, and is the upstream address right?",
      );
    } finally {
      await running.stop();
    }
  });

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

// ---

async function verify(running: RunningFront, flags: readonly string[], stdin: string): Promise<CliResult> {
  return runCli(
    [
      "verify",
      `https://${DOMAIN}:${running.httpsPort}`,
      "--connect",
      "127.0.0.1",
      "--http-port",
      String(running.httpPort),
      "--ca",
      join(running.dir, "server-ca.pem"),
      ...flags,
    ],
    running.dir,
    { stdin },
  );
}

async function change(front: Front, running: RunningFront, pattern: RegExp, replacement: string): Promise<void> {
  const path = join(running.dir, "nginx", "gigastt.conf");
  const text = readFileSync(path, "utf8");
  const broken = text.replace(pattern, replacement);
  expect(broken).not.toBe(text);
  writeFileSync(path, broken);
  const test = spawnSync(front.binary!, ["-t", "-c", join(running.dir, "nginx", "nginx.conf")], { encoding: "utf8" });
  expect(test.status, test.stderr).toBe(0);
  running.reload();
  // Old workers take connections until the new ones are there.
  await new Promise((resolve) => setTimeout(resolve, 700));
}
