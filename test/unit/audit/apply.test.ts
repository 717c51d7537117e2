import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyFixes } from "../../../src/audit/apply.ts";
import { rules as registered } from "../../../src/audit/rules/registry.ts";
import type { Rule } from "../../../src/audit/types.ts";

const SAFE = new Set(["safe"] as const);

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-apply-"));
});
afterEach(() => rmSync(dir, { recursive: true }));

async function fix(name: string, text?: string): Promise<{ text: string; fixed: number; reasons: string }> {
  if (text !== undefined) writeFileSync(join(dir, name), text);
  const { fixed, refused } = await applyFixes({ paths: ["."], cwd: dir, today: "2026-11-28" }, SAFE);
  return {
    text: readFileSync(join(dir, name), "utf8"),
    fixed,
    reasons: refused.map(({ reason }) => reason).join("\n"),
  };
}

const SHARED = `events {}
http {
  server {
    listen 443 ssl;
    server_name box.example.com;
    ssl_certificate /c.pem;
    ssl_certificate_key /k.pem;
    location /v1/transcribe { client_max_body_size 0; proxy_pass http://gigastt:9876; }
    location /v1/ws { proxy_pass http://gigastt:9876; }
    location / { proxy_pass http://frontend:3000; }
  }
}
`;
const SUB_PATH = `events {}
http {
  server {
    listen 443 ssl;
    server_name box.example.com;
    ssl_certificate /c.pem;
    ssl_certificate_key /k.pem;
    location /stt/ { proxy_pass http://127.0.0.1:9876/; }
  }
}
`;

describe("fixes that are written", () => {
  it.each([
    ["Caddyfile", "stt.example.com {\n  reverse_proxy localhost:9876\n}\n"],
    ["nginx.conf", SUB_PATH],
    ["nginx.conf", SHARED],
  ])("of %s are counted, and a second run changes nothing (%#)", async (name, before) => {
    const first = await fix(name, before);
    expect(first.fixed).toBeGreaterThan(0);
    expect(first.text).not.toBe(before);
    const second = await fix(name);
    expect(second.fixed).toBe(0);
    expect(second.text).toBe(first.text);
  });

  it("make one global block in a Caddyfile that had none", async () => {
    const { text } = await fix("Caddyfile", "stt.example.com {\n  reverse_proxy localhost:9876\n}\n");
    expect(text.match(/^\{/gm)).toHaveLength(1);
    expect(text).not.toContain("} {");
  });

  it("start Strict-Transport-Security with the trial: two years cannot be taken back", async () => {
    const whole = SUB_PATH.replace("location /stt/", "location /").replace("9876/;", "9876;");
    expect((await fix("nginx.conf", whole)).text).toContain('Strict-Transport-Security "max-age=300" always');
    writeFileSync(join(dir, "nginx.conf"), "");
    expect((await fix("Caddyfile", "stt.example.com {\n  reverse_proxy localhost:9876\n}\n")).text).toContain(
      'Strict-Transport-Security "max-age=300"',
    );
  });

  it("are taken back when the finding stays, and the reason is told", async () => {
    const text = "events {}\nhttp {}\n";
    writeFileSync(join(dir, "nginx.conf"), text);
    const stubborn: Rule = {
      ...(registered[0] as Rule),
      fixKind: "safe",
      *check({ nginx }) {
        const [root] = nginx;
        if (!root) return;
        const span = { source: root.source, start: 0, end: 0 };
        yield { span, message: "stays", fix: "none", edits: [{ span, text: "# tried\n" }] };
      },
    };
    const done = await applyFixes({ paths: ["."], cwd: dir, today: "2026-11-28", rules: [stubborn] }, SAFE);
    expect(readFileSync(join(dir, "nginx.conf"), "utf8")).toBe(text);
    expect(done.fixed).toBe(0);
    expect(done.refused[0]?.reason).toContain("cannot be fixed by machine: the fix does not remove the finding here");
  });

  it("close the metrics of a sub-path where they are, and nothing else of the name", async () => {
    const { text } = await fix("nginx.conf", SUB_PATH);
    expect(text).toContain("location = /stt/metrics { return 404; }");
    expect(text).not.toContain("add_header");
    expect(text).not.toContain("ssl_reject_handshake");
  });

  it("leave what several servers include as it is", async () => {
    writeFileSync(join(dir, "proxy.inc"), "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n");
    const { text } = await fix(
      "nginx.conf",
      "events {}\nhttp {\n  client_max_body_size 1m;\n  server { listen 80; server_name a.example; location / { include proxy.inc; proxy_pass http://127.0.0.1:9876; } }\n  server { listen 80; server_name b.example; location / { include proxy.inc; proxy_pass http://127.0.0.1:3000; } }\n}\n",
    );
    expect(text).toContain("  client_max_body_size 1m;");
    expect(text).not.toContain("default_server");
    expect(readFileSync(join(dir, "proxy.inc"), "utf8")).toContain("$proxy_add_x_forwarded_for");
  });

  it("leave a snippet that several sites of Caddy import as it is", async () => {
    const before =
      "(common) {\n\theader Strict-Transport-Security max-age=60\n}\na.example {\n\timport common\n\treverse_proxy 127.0.0.1:9876\n}\nb.example {\n\timport common\n\treverse_proxy 127.0.0.1:3000\n}\n";
    const { text } = await fix("Caddyfile", before);
    expect(text).toContain("(common) {\n\theader Strict-Transport-Security max-age=60\n}");
    expect(text.slice(text.indexOf("b.example"))).toBe(before.slice(before.indexOf("b.example")));
  });

  it("change nothing outside the server's own locations where another application shares the host", async () => {
    const { text } = await fix("nginx.conf", SHARED);
    const others = (of: string): readonly string[] =>
      of.split("\n").filter((line) => !/v1\/(?:ws|transcribe)|worker_shutdown_timeout|map \$http_upgrade/.test(line));
    const own = text.replace(/location \/v1\/ws \{[^}]*\}/, "");
    const was = SHARED.replace(/location \/v1\/ws \{[^}]*\}/, "");
    expect(others(own)).toEqual(others(was));
  });
});
