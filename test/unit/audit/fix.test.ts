import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { unifiedDiff } from "../../../src/audit/diff.ts";
import { applyEdits, planFixes } from "../../../src/audit/fix.ts";
import { rules } from "../../../src/audit/rules/registry.ts";
import { createSource } from "../../../src/audit/source.ts";
import type { Finding } from "../../../src/audit/types.ts";
import { brokenFiles } from "../../support/audit-case.ts";
import { RULE_CASES } from "../../support/audit-cases.ts";
import { auditFiles, brief } from "../../support/audit-files.ts";
import { manifestErrors } from "../../support/manifests.ts";

const SAFE = new Set(["safe"] as const);
/** What `--fix=unsafe --yes` writes. */
const ALL = new Set(["safe", "unsafe"] as const);

const BCRYPT = "$2y$12$G1Q4uFmrxYJVcN3T0q9X0uV0n5Yg3iBz0vXo0P6rY8k0mJ1mJ1mJ2";

interface Fixed {
  readonly files: Record<string, string>;
  readonly findings: readonly Finding[];
  readonly changed: boolean;
}

/** Fixes in memory until nothing changes, as `--fix` does on disk. */
function fixAll(
  start: Record<string, string>,
  options: Parameters<typeof auditFiles>[1],
  kinds: ReadonlySet<"safe" | "unsafe"> = SAFE,
): Fixed {
  const files = { ...start };
  let findings = auditFiles(files, options);
  let changed = false;
  for (let round = 0; round < 6; round += 1) {
    const plan = planFixes(findings, kinds);
    if (plan.files.length === 0) break;
    for (const file of plan.files) files[file.source.path] = file.text;
    changed = true;
    findings = auditFiles(files, options);
  }
  return { files, findings, changed };
}

const unsafe = RULE_CASES.filter((item) =>
  auditFiles(brokenFiles(item), item).some(
    (finding) => finding.rule === item.rule && finding.fixKind === "unsafe" && finding.edits.length > 0,
  ),
);

const hasNginx = spawnSync("nginx", ["-v"]).status === 0;
const fixable = RULE_CASES.filter((item) => {
  const findings = auditFiles(brokenFiles(item), item).filter((finding) => finding.rule === item.rule);
  return findings.some((finding) => finding.fixKind === "safe");
});

describe("safe fixes", () => {
  it("most rules with a safe fix have a case that uses it", () => {
    const safe = rules.filter((rule) => rule.fixKind === "safe").map((rule) => rule.id);
    const used = new Set(fixable.map((item) => item.rule));
    expect(safe.filter((id) => !used.has(id))).toEqual([]);
  });

  it.each(fixable.map((item) => [item.rule, item.name, item] as const))("%s is mended: %s", (id, _, item) => {
    const before = auditFiles(brokenFiles(item), item);
    const { findings, changed } = fixAll(brokenFiles(item), item);
    expect(changed).toBe(true);
    expect(findings.filter((finding) => finding.rule === "GA-PRS-001").map((finding) => finding.message)).toEqual([]);
    expect(brief(findings.filter((finding) => finding.rule === id && finding.fixKind === "safe"))).toEqual([]);
    // A fix that trades one finding for another is none.
    const known = new Set(before.map((finding) => finding.rule));
    expect(brief(findings.filter((finding) => !known.has(finding.rule)))).toEqual([]);
  });

  it("every rule that promises an unsafe fix has a case that uses it", () => {
    const used = new Set(unsafe.map((item) => item.rule));
    expect(rules.filter((rule) => rule.fixKind === "unsafe" && !used.has(rule.id)).map((rule) => rule.id)).toEqual([]);
  });

  it.each(unsafe.map((item) => [item.rule, item.name, item] as const))(
    "%s is mended by --fix=unsafe, and left alone without it: %s",
    (id, _, item) => {
      const before = auditFiles(brokenFiles(item), item);
      const had = before.filter((finding) => finding.rule === id && finding.edits.length > 0);
      const safe = fixAll(brokenFiles(item), item).findings.filter(
        (finding) => finding.rule === id && finding.edits.length > 0,
      );
      expect(safe).toHaveLength(had.length);
      const { findings } = fixAll(brokenFiles(item), item, ALL);
      expect(findings.filter((finding) => finding.rule === "GA-PRS-001").map((finding) => finding.message)).toEqual([]);
      expect(brief(findings.filter((finding) => finding.rule === id && finding.edits.length > 0))).toEqual([]);
      const known = new Set(before.map((finding) => finding.rule));
      expect(brief(findings.filter((finding) => !known.has(finding.rule)))).toEqual([]);
    },
  );

  it("keep comments and everything else of the file", () => {
    const item = RULE_CASES.find((candidate) => candidate.rule === "GA-XFF-001");
    const start = item ? brokenFiles(item) : {};
    start["gigastt-proxy.inc"] = `# a comment stays\n${start["gigastt-proxy.inc"]}\t# and this`;
    const { files } = fixAll(start, {});
    expect(files["gigastt-proxy.inc"]).toBe(
      start["gigastt-proxy.inc"]?.replace("$proxy_add_x_forwarded_for", "$remote_addr"),
    );
  });

  it("are not applied to what gigastt rendered itself", () => {
    const body =
      "location / { proxy_pass http://127.0.0.1:9876; proxy_set_header X-Forwarded-For $http_x_forwarded_for; }\n";
    const hash = createHash("sha256").update(body).digest("hex");
    const text = `# Generated by gigastt 0.1.0. Do not edit: change gigastt.config.yaml and run: gigastt render\n# config sha256:${"0".repeat(64)}\n# body sha256:${hash}\n${body}`;
    const plan = planFixes(auditFiles({ "site.conf": text }), SAFE);
    expect(plan.files).toEqual([]);
    expect(plan.rendered.map((source) => source.path)).toEqual(["site.conf"]);
  });

  it("leave suppressed findings alone", () => {
    const text =
      "server {\n  location / {\n    # gigastt-audit ignore[GA-XFF-001] an old client needs it\n    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    proxy_pass http://127.0.0.1:9876;\n  }\n}\n";
    const plan = planFixes(
      auditFiles({ "site.conf": text }).filter((finding) => finding.rule === "GA-XFF-001"),
      SAFE,
    );
    expect(plan.files).toEqual([]);
  });
});

describe("edits and diffs", () => {
  it("insertions at one place keep their order, replaced stretches do not overlap", () => {
    const source = createSource("a", "0123456789");
    const edit = (start: number, end: number, text: string) => ({ span: { source, start, end }, text });
    expect(applyEdits(source.text, [edit(5, 5, "x"), edit(5, 5, "y"), edit(0, 2, "-"), edit(1, 3, "lost")])).toBe(
      "-234xy56789",
    );
  });

  it("shows changed lines with their surroundings", () => {
    const before = Array.from({ length: 20 }, (_, i) => `line ${i}`).join("\n");
    const diff = unifiedDiff("f", before, before.replace("line 9", "line nine").replace("line 10\n", ""));
    expect(diff).toContain("-line 9\n");
    expect(diff).toContain("+line nine\n");
    expect(diff).toContain("-line 10\n");
    expect(diff).not.toContain("line 2\n");
    expect(unifiedDiff("f", "a", "a")).toBe("");
  });
});

describe("fixed files before the real proxies", () => {
  let work = "";
  beforeAll(() => {
    work = mkdtempSync(join(tmpdir(), "gigastt-audit-fix-"));
    if (hasNginx)
      execFileSync(
        "openssl",
        [
          "req",
          "-x509",
          "-newkey",
          "ec",
          "-pkeyopt",
          "ec_paramgen_curve:P-256",
          "-nodes",
          "-days",
          "2",
          "-subj",
          "/CN=stt.example.com",
          "-keyout",
          join(work, "key.pem"),
          "-out",
          join(work, "cert.pem"),
        ],
        { stdio: "ignore" },
      );
  });
  afterAll(() => rmSync(work, { recursive: true, force: true }));

  const nginxCases = fixable.filter((item) => item.base === "nginx" && item.name !== "old http2");
  it.skipIf(!hasNginx)(
    `nginx -t accepts every fixed nginx tree (${nginxCases.length})${hasNginx ? "" : ": skipped, there is no nginx here"}`,
    () => {
      for (const [i, item] of nginxCases.entries()) {
        const folder = join(work, `n${i}`);
        const { files } = fixAll(brokenFiles(item), item);
        for (const [path, text] of Object.entries(files)) {
          mkdirSync(dirname(join(folder, path)), { recursive: true });
          // The installed nginx may be older than `http2 on`, and wants to see certificates and passwords.
          const local = text
            .replace(/^\s*http2 on;\n/gm, "")
            .replaceAll(
              /\/etc\/(?:gigastt\/tls\/server|letsencrypt\/live\/stt\.example\.com\/fullchain)\.pem/g,
              join(work, "cert.pem"),
            )
            .replaceAll("/etc/gigastt/tls/server.key", join(work, "key.pem"))
            .replace(/^\s*ssl on;\n/gm, "");
          writeFileSync(join(folder, path), local);
        }
        const result = spawnSync(
          "nginx",
          [
            "-t",
            "-q",
            "-p",
            folder,
            "-c",
            join(folder, "nginx.conf"),
            "-g",
            `pid ${join(folder, "pid")}; error_log ${join(folder, "error.log")};`,
          ],
          { encoding: "utf8" },
        );
        expect(result.status, `${item.rule} ${item.name}\n${result.stderr}\n${files["nginx.conf"]}`).toBe(0);
      }
    },
  );

  const caddyCases = [...new Set([...fixable, ...unsafe])].filter((item) => item.base === "caddy");
  const caddies = ["caddy", "caddy-2.11"].map((program) => ({
    program,
    version: spawnSync(program, ["version"], { encoding: "utf8" }).stdout?.trim().split(" ")[0] ?? "",
  }));
  for (const { program, version } of caddies)
    it.skipIf(version === "")(
      `${program} validate accepts every fixed Caddyfile (${caddyCases.length})${version === "" ? ": skipped, it is not installed" : `, ${version}`}`,
      () => {
        const old = /^v?2\.[0-7]\./.test(version);
        for (const item of caddyCases) {
          let text = fixAll(brokenFiles(item), item, ALL).files["Caddyfile"] ?? "";
          // A file for one version is not asked of the other, and an old Caddy lacks these names.
          if (!old && item.versions?.caddy?.startsWith("2.6")) continue;
          if (old)
            text = text
              .replaceAll("basic_auth", "basicauth")
              .replace(/^\s*(?:stream_close_delay|trusted_proxies(?:_strict)?)\b.*\n/gm, "")
              .replaceAll("{client_ip}", "{remote_host}");
          const path = join(work, `Caddyfile-${program}`);
          writeFileSync(path, text.replaceAll("{env.GIGASTT_BASIC_AUTH_HASH}", BCRYPT));
          const result = spawnSync(program, ["validate", "--adapter", "caddyfile", "--config", path], {
            encoding: "utf8",
            env: { ...process.env, HOME: work, XDG_DATA_HOME: work, XDG_CONFIG_HOME: work },
          });
          expect(result.status, `${version} ${item.rule} ${item.name}\n${result.stderr}\n${text}`).toBe(0);
        }
      },
      120_000,
    );

  const hasAnalyze = spawnSync("systemd-analyze", ["--version"]).status === 0;
  const unitCases = [...new Set([...fixable, ...unsafe])].filter((item) => item.base === "systemd");
  it.skipIf(!hasAnalyze)(
    `systemd-analyze verify has nothing against the fixed units (${unitCases.length})${hasAnalyze ? "" : ": skipped, there is no systemd-analyze here"}`,
    () => {
      for (const [i, item] of unitCases.entries()) {
        const { files } = fixAll(brokenFiles(item), item, ALL);
        const folder = join(work, `u${i}`);
        mkdirSync(folder);
        // The programs of the unit are not installed here; everything else is as it was fixed.
        const text = (files["gigastt.service"] ?? "")
          .replace(/^(Exec\w+=)\/\S+/gm, "$1/bin/true")
          .replace(/^User=.*\n/gm, "");
        writeFileSync(join(folder, "gigastt.service"), text);
        const result = spawnSync("systemd-analyze", ["verify", "--man=no", join(folder, "gigastt.service")], {
          encoding: "utf8",
        });
        const about = result.stderr.split("\n").filter((line) => line.includes(`u${i}/`));
        expect(about, `${item.rule} ${item.name}\n${text}`).toEqual([]);
      }
    },
    120_000,
  );

  const kubeCases = [...new Set([...fixable, ...unsafe])].filter((item) => item.base === "kubernetes");
  it(`the fixed manifests follow the schemas of Kubernetes (${kubeCases.length})`, () => {
    for (const item of kubeCases) {
      const { files } = fixAll(brokenFiles(item), item, ALL);
      for (const [path, text] of Object.entries(files))
        expect(manifestErrors(text), `${item.rule} ${item.name} ${path}\n${text}`).toEqual([]);
    }
  });
});
