import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { runCli, type CliResult } from "../../support/cli.ts";

const BASE = fileURLToPath(new URL("../../fixtures/audit/base/nginx/", import.meta.url));
const BAD_SITE = `server {
  listen 443 ssl;
  location / {
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_pass http://127.0.0.1:9876;
  }
}
`;

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "gigastt-bad-"));
});
afterEach(() => {
  spawnSync("chmod", ["-R", "u+rwX", dir]);
  rmSync(dir, { recursive: true, force: true });
});

interface Report {
  readonly findings: readonly {
    readonly rule: string;
    readonly file: string;
    readonly line: number;
    readonly column: number;
  }[];
  readonly summary: { readonly files: number };
}

const put = (name: string, text: string | Uint8Array): void => {
  mkdirSync(dirname(join(dir, name)), { recursive: true });
  writeFileSync(join(dir, name), text);
};
const audit = async (...args: string[]): Promise<CliResult> => runCli(["audit", ...args], dir);
const json = async (...args: string[]): Promise<Report> =>
  JSON.parse((await audit(...args, "--format", "json")).stdout) as Report; // our own JSON
const places = (report: Report, rule: string): string[] =>
  report.findings
    .filter((finding) => finding.rule === rule)
    .map(({ file, line, column }) => `${file}:${line}:${column}`);

describe("gigastt audit on files that mean no good, or that nobody meant", () => {
  it("reads a file with a byte order mark and one with CRLF at the same places as without", async () => {
    put("plain.conf", BAD_SITE);
    const plain = places(await json("plain.conf"), "GA-XFF-001");
    put("crlf.conf", BAD_SITE.replaceAll("\n", "\r\n"));
    expect(places(await json("crlf.conf"), "GA-XFF-001")).toEqual(plain.map((place) => place.replace("plain", "crlf")));
    put("bom.conf", `\uFEFF${BAD_SITE}`);
    expect(places(await json("bom.conf"), "GA-XFF-001")).toEqual(plain.map((place) => place.replace("plain", "bom")));
  });

  it("leaves binary files, archives and weights alone", async () => {
    put("nginx.conf", new Uint8Array([0x7f, 0x45, 0x4c, 0x46, 0, 0, 0, 1]));
    put("model.onnx", "server { }");
    put("archive.tar.gz", "server { }");
    const { code, stderr } = await audit(".");
    expect(code).toBe(3);
    expect(stderr).toContain("nothing to audit");
  });

  it("does not read a file of more than 2 MiB, and says so in every format", async () => {
    put("nginx.conf", `${BAD_SITE}${"# padding\n".repeat(220_000)}`);
    put("access.txt", "a line of a log\n".repeat(220_000));
    const alone = await audit("nginx.conf");
    expect(alone.code).toBe(3);
    expect(alone.stdout).toContain("GA-PRS-002 nginx.conf:1 nginx.conf was not audited: it is larger than 2 MiB");
    expect(alone.stdout).toContain("1 warning, 0 notes in 0 files, 1 not audited");
    put("site.conf", BAD_SITE);
    const report = await json(".");
    expect(report.findings.filter(({ rule }) => rule === "GA-PRS-002").map(({ file }) => file)).toEqual(["nginx.conf"]);
    expect(report.summary).toMatchObject({ files: 1, unread: 1 });
    for (const format of ["text", "sarif", "junit", "github", "markdown"])
      expect((await audit(".", "--format", format)).stdout, format).toContain("was not audited");
  });

  it("says that a file in UTF-16 was not read: programs would not understand it either", async () => {
    put("compose.yaml", Buffer.from("\uFEFFservices: {}\n", "utf16le"));
    put("nginx.conf", BAD_SITE);
    const { stdout } = await audit(".");
    expect(stdout).toContain("compose.yaml was not audited: it is UTF-16");
  });

  it("ends on links that lead in a circle, into themselves, to nowhere or to a device", async () => {
    put("site/nginx.conf", BAD_SITE);
    symlinkSync(join(dir, "site"), join(dir, "site", "loop"));
    symlinkSync("self.conf", join(dir, "site", "self.conf"));
    symlinkSync("nowhere.conf", join(dir, "site", "dangling.conf"));
    symlinkSync("/dev/zero", join(dir, "site", "zero.conf"));
    const report = await json("site");
    expect(places(report, "GA-XFF-001")).toEqual(["nginx.conf:4:5"]);
    expect(report.summary.files).toBe(1);
  });

  it("does not wait for a named pipe or a socket", async () => {
    put("nginx.conf", BAD_SITE);
    expect(spawnSync("mkfifo", [join(dir, "pipe.conf")]).status).toBe(0);
    expect(places(await json("."), "GA-XFF-001")).toEqual(["nginx.conf:4:5"]);
  });

  const root = process.getuid?.() === 0;
  (root ? it.skip : it)(
    root
      ? "goes on past what it may not read (skipped: root may read everything)"
      : "goes on past what it may not read",
    async () => {
      put("nginx.conf", BAD_SITE);
      put("secret.conf", BAD_SITE);
      put("closed/other.conf", BAD_SITE);
      chmodSync(join(dir, "secret.conf"), 0);
      chmodSync(join(dir, "closed"), 0);
      const report = await json(".");
      expect(places(report, "GA-XFF-001")).toEqual(["nginx.conf:4:5"]);
      expect(places(report, "GA-PRS-002")).toEqual(["closed:1:1", "secret.conf:1:1"]);
    },
  );

  it("takes folders with the names of files, names with spaces and line breaks, and a tree 60 folders deep", async () => {
    mkdirSync(join(dir, "nginx.conf"));
    put("a b\nc.conf", BAD_SITE);
    put(`${"d/".repeat(30)}site.conf`, BAD_SITE);
    put(`${"e/".repeat(60)}site.conf`, BAD_SITE);
    const report = await json(".");
    const files = report.findings.filter(({ rule }) => rule === "GA-XFF-001").map(({ file }) => file);
    // Below 40 folders nobody keeps a configuration.
    expect(files).toEqual(["a b\nc.conf", `${"d/".repeat(30)}site.conf`]);
    for (const format of ["text", "sarif", "junit", "github", "markdown"]) {
      const { code, stdout } = await audit(".", "--format", format);
      expect(code, format).toBe(1);
      if (format === "github") for (const line of stdout.trimEnd().split("\n")) expect(line).toMatch(/^::/);
    }
  });

  it("lets no control character of a file through to the terminal", async () => {
    put("\u001b[31m.conf", BAD_SITE.replace("$proxy_add", "\u001b[2J\u202e$proxy_add"));
    for (const format of ["text", "json", "markdown", "junit"]) {
      const { code, stdout } = await audit(".", "--format", format);
      expect(code, format).toBe(1);
      expect(stdout, format).toContain("GA-XFF-001");
      expect(stdout, format).not.toContain("\u001b");
    }
  });

  it("refuses a baseline that cannot be read, or is none", async () => {
    cpSync(BASE, join(dir, "clean"), { recursive: true });
    put("b.json", "[]");
    expect(await audit("clean", "--baseline", "missing.json")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("cannot be read"),
    });
    expect((await audit("clean", "--baseline", "b.json")).stderr).toContain("it has no list");
  });

  it("never changes a file without --fix", async () => {
    put("nginx.conf", BAD_SITE);
    await audit(".");
    expect(readFileSync(join(dir, "nginx.conf"), "utf8")).toBe(BAD_SITE);
  });
});
