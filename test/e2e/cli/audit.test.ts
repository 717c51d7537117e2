import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const BIN = fileURLToPath(new URL("../../../bin/gigastt.js", import.meta.url));
const BASE = fileURLToPath(new URL("../../fixtures/audit/base/", import.meta.url));

let work = "";
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), "gigastt-audit-"));
  cpSync(join(BASE, "nginx"), join(work, "clean"), { recursive: true });
  cpSync(join(BASE, "nginx"), join(work, "broken"), { recursive: true });
  const path = join(work, "broken", "nginx.conf");
  writeFileSync(path, readFileSync(path, "utf8").replace("client_max_body_size 52428800", "client_max_body_size 1m"));
  chmodSync(path, 0o640);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const gigastt = (...args: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [BIN, "audit", ...args], {
    cwd: work,
    encoding: "utf8",
    env: { PATH: process.env["PATH"], HOME: work },
  });

describe("gigastt audit", () => {
  it("exits 0 on a clean folder", () => {
    expect(gigastt("clean")).toMatchObject({ status: 0, stdout: "no findings in 3 files\n" });
  });

  it("exits 1 at or above --fail-on, with paths relative to the audited folder", () => {
    const result = gigastt("broken", "--format", "json");
    expect(result.status).toBe(1);
    const report = JSON.parse(result.stdout) as {
      findings: { rule: string; file: string; line: number; related: { file: string }[] }[];
    };
    const finding = report.findings.find((item) => item.rule === "GA-STR-008");
    expect(finding?.file).toBe("nginx.conf");
    expect(readFileSync(join(work, "broken", "nginx.conf"), "utf8").split("\n")[(finding?.line ?? 0) - 1]).toContain(
      "client_max_body_size",
    );
    expect(finding?.related.map((item) => item.file)).toEqual(["gigastt.config.yaml"]);
  });

  it("exits 1 with --strict when a file that belongs to the set was not audited", () => {
    const folder = join(work, "partial");
    cpSync(join(BASE, "nginx"), folder, { recursive: true });
    expect(gigastt("partial", "--strict").status).toBe(0);
    rmSync(join(folder, "gigastt-proxy.inc"));
    expect(gigastt("partial", "--strict").status).toBe(1);
    expect(gigastt("partial", "--strict", "--format", "json").stdout).toContain("GA-PRS-002");
    rmSync(folder, { recursive: true });
  });

  it("takes assumed limits, and refuses unknown ones with a hint", () => {
    expect(gigastt("clean", "--assume", "limits.body=1GiB").status).toBe(1);
    const wrong = gigastt("clean", "--assume", "session.idleTimeou=1h");
    expect(wrong.status).toBe(2);
    expect(wrong.stderr).toContain("session.idleTimeout");
  });

  it("exits 2 on a path that does not exist, and 3 when there is nothing to audit", () => {
    expect(gigastt("nowhere")).toMatchObject({ status: 2 });
    const empty = mkdtempSync(join(work, "empty-"));
    expect(gigastt(empty).status).toBe(3);
    expect(gigastt(empty, "--format", "json").stdout).toContain('"version": 1');
  });

  it("explains and lists rules", () => {
    expect(gigastt("explain", "ga-xff-001").stdout).toContain("GA-XFF-001");
    expect(gigastt("explain", "GA-XFF-999")).toMatchObject({ status: 2 });
    expect(gigastt("list").stdout.trim().split("\n").length).toBeGreaterThan(70);
  });

  it("writes a baseline and accepts it", () => {
    expect(gigastt("broken", "--write-baseline", "b.json").status).toBe(0);
    expect(gigastt("broken", "--baseline", "b.json").status).toBe(0);
  });

  it("--fix --diff writes nothing, --fix writes, keeps the mode and audits again", () => {
    const path = join(work, "broken", "nginx.conf");
    const before = readFileSync(path, "utf8");
    expect(gigastt("broken", "--fix", "--diff").stdout).toContain("+    client_max_body_size 52428800;");
    expect(readFileSync(path, "utf8")).toBe(before);
    expect(gigastt("broken", "--fix")).toMatchObject({ status: 0, stderr: "gigastt: 1 finding fixed\n" });
    expect(readFileSync(path, "utf8")).toBe(before.replace("client_max_body_size 1m", "client_max_body_size 52428800"));
    expect(spawnSync("stat", ["-c", "%a", path], { encoding: "utf8" }).stdout.trim()).toBe("640");
  });

  it("--fix=unsafe shows a diff first, and refuses other values", () => {
    expect(gigastt("clean", "--fix=unsafe").stderr).toContain("there is nothing to fix");
    expect(gigastt("clean", "--fix=all").status).toBe(2);
    const path = join(work, "shell", "Dockerfile");
    mkdirSync(join(work, "shell"));
    const before = "FROM node:20.20.2\nUSER 10001\nCMD node /app/bin/gigastt.js serve\n";
    writeFileSync(path, before);
    const shown = gigastt("shell", "--fix=unsafe");
    expect(shown.stdout).toContain('+CMD ["node", "/app/bin/gigastt.js", "serve"]');
    expect(shown.stderr).toContain("nothing was written; read the diff, then repeat with --yes");
    expect(readFileSync(path, "utf8")).toBe(before);
    const written = gigastt("shell", "--fix=unsafe", "--yes");
    expect(written.stdout).toContain('+CMD ["node", "/app/bin/gigastt.js", "serve"]');
    expect(readFileSync(path, "utf8")).toContain('CMD ["node", "/app/bin/gigastt.js", "serve"]');
  });

  it("reads a guide's code blocks", () => {
    const guide = fileURLToPath(new URL("../../fixtures/audit/guides/hardening.md", import.meta.url));
    const result = gigastt(guide, "--format", "json");
    expect(result.status).toBe(1);
    expect(result.stdout).toContain('"file": "hardening.md"');
  });
});
