import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { runRules } from "../../../src/audit/audit.ts";
import { parseBaseline, renderBaseline } from "../../../src/audit/baseline.ts";
import { renderGithub } from "../../../src/audit/report/github.ts";
import { renderJson } from "../../../src/audit/report/json.ts";
import { renderJunit } from "../../../src/audit/report/junit.ts";
import { renderMarkdown } from "../../../src/audit/report/markdown.ts";
import { catalogue } from "../../../src/checks/catalogue.ts";
import { renderSarif } from "../../../src/audit/report/sarif.ts";
import { renderText } from "../../../src/audit/report/text.ts";
import type { Finding, Severity } from "../../../src/audit/types.ts";
import { baseFiles } from "../../support/audit-case.ts";
import { factsOf } from "../../support/audit-files.ts";
import { readWorkflowCommand, sarifErrors } from "../../support/report-readers.ts";

const SITE = `server {
  listen 443 ssl;
  server_name stt.example.com;
  location / {
    # gigastt-audit ignore[GA-XFF-001] "old" <client> & co
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_pass http://127.0.0.1:9876;
  }
}
`;
const CONFIG = `session:
  idleTimeout: 400s
  pingInterval: 0
audit:
  ignore:
    - "GA-EXP-009@*.conf: browsers never call it"
    - "GA-TLS-002 until=2020-01-01: long over"
    - "GA-STR-008 without a reason"
`;

const facts = factsOf({ "site.conf": SITE, "gigastt.config.yaml": CONFIG });
const run = (options: { ignores?: boolean; baseline?: ReadonlySet<string> } = {}) => ({
  ...runRules(facts, { today: "2026-11-21", ...options }),
  root: "/srv/site",
});
const result = run();

interface Located {
  readonly artifactLocation: { readonly uri: string };
}
interface SarifResult {
  readonly ruleId: string;
  readonly ruleIndex: number;
  readonly locations: readonly { readonly physicalLocation: Located }[];
  readonly relatedLocations?: readonly { readonly physicalLocation: Located }[];
  readonly suppressions?: readonly { readonly kind: string; readonly justification: string }[];
  readonly fixes?: readonly unknown[];
}

describe("suppressions", () => {
  const of = (rule: string, list = result) => list.findings.find((finding) => finding.rule === rule);

  it("a comment above the line silences, with its reason kept", () => {
    expect(of("GA-XFF-001")?.suppressed).toEqual({ kind: "comment", reason: '"old" <client> & co' });
  });

  it("the config silences, by file and with a reason; an expired or reasonless entry does not", () => {
    expect(of("GA-EXP-009")?.suppressed?.kind).toBe("config");
    expect(of("GA-TLS-002")).toBeDefined();
    expect(of("GA-TLS-002")?.suppressed).toBeUndefined();
    expect(of("GA-STR-008")?.suppressed).toBeUndefined();
  });

  it("--no-ignores lets them count", () => {
    expect(run({ ignores: false }).findings.every((finding) => finding.suppressed === undefined)).toBe(true);
  });

  it("a baseline accepts what is there, also after lines moved, and nothing new", () => {
    const baseline = parseBaseline(renderBaseline(result.findings), "b");
    expect(run({ baseline }).findings.every((finding) => finding.suppressed !== undefined)).toBe(true);
    const moved = factsOf({
      "site.conf": `# moved\n\n${SITE}`.replace("listen 443 ssl;", "listen 443 ssl; ssl_protocols TLSv1;"),
      "gigastt.config.yaml": CONFIG,
    });
    const after = runRules(moved, { today: "2026-11-21", baseline }).findings.filter(
      (finding) => finding.suppressed === undefined,
    );
    expect(after.map((finding) => finding.rule)).toEqual(["GA-TLS-001"]);
  });

  it("refuses a baseline that is none", () => {
    expect(() => parseBaseline("x", "b.json")).toThrow(
      "b.json must be a baseline written by --write-baseline, it is not JSON",
    );
    expect(() => parseBaseline("[]", "b.json")).toThrow('it has no list "findings"');
  });
});

describe("reports", () => {
  it("JSON follows its schema and keeps suppressed findings apart", () => {
    const schema: unknown = JSON.parse(
      readFileSync(new URL("../../../docs/audit/report.schema.json", import.meta.url), "utf8"),
    );
    const validate = new Ajv2020({ allErrors: true, strict: false }).compile(schema as object); // our own file
    const report: unknown = JSON.parse(renderJson(result));
    expect(validate(report), JSON.stringify(validate.errors)).toBe(true);
    const { findings, suppressed, summary } = report as {
      findings: { rule: string }[];
      suppressed: unknown[];
      summary: { suppressed: number };
    };
    expect(findings.some((finding) => finding.rule === "GA-XFF-001")).toBe(false);
    expect(suppressed).toHaveLength(summary.suppressed);
  });

  it("SARIF follows the OASIS schema and shows both places", () => {
    const log: unknown = JSON.parse(renderSarif(result, "0.1.0", catalogue));
    expect(sarifErrors(log)).toEqual([]);
    expect(sarifErrors({ ...(log as object), runs: [{}] })).not.toEqual([]); // the schema is awake
    const results = (log as { runs: { results: SarifResult[] }[] }).runs[0]?.results ?? [];
    const timer = results.find((item) => item.ruleId === "GA-STR-004");
    expect(timer?.locations[0]?.physicalLocation.artifactLocation.uri).toBe("site.conf");
    expect(timer?.relatedLocations?.[0]?.physicalLocation.artifactLocation.uri).toBe("gigastt.config.yaml");
    expect(timer?.fixes).toHaveLength(1);
    expect(results.find((item) => item.ruleId === "GA-XFF-001")?.suppressions).toEqual([
      { kind: "inSource", status: "accepted", justification: '"old" <client> & co' },
    ]);
    const rules =
      (log as { runs: { tool: { driver: { rules: { id: string }[] } } }[] }).runs[0]?.tool.driver.rules ?? [];
    for (const item of results) expect(rules[item.ruleIndex]?.id).toBe(item.ruleId);
  });

  it("JUnit counts what it holds and escapes what XML forbids", () => {
    const xml = renderJunit(result, "error");
    const attribute = (name: string): number => Number(new RegExp(`<testsuites[^>]* ${name}="(\\d+)"`).exec(xml)?.[1]);
    expect(xml.match(/<testcase /g)).toHaveLength(attribute("tests"));
    expect(xml.match(/<failure /g)).toHaveLength(attribute("failures"));
    expect(xml).not.toMatch(/&(?!amp;|lt;|gt;|quot;)/);
    expect(xml.replace(/<[^<>]*>/g, "")).not.toContain("<");
  });

  it("GitHub commands come out of the runner's own reading as they went in", () => {
    const lines = renderGithub(result).trimEnd().split("\n");
    const shown = result.findings.filter((finding) => finding.suppressed === undefined);
    expect(lines).toHaveLength(shown.length);
    for (const [i, line] of lines.entries()) {
      const read = readWorkflowCommand(line);
      const finding = shown[i];
      expect(read?.command).toBe({ error: "error", warning: "warning", note: "notice" }[finding?.severity ?? "note"]);
      expect(read?.properties).toEqual({
        file: finding?.file,
        line: String(finding?.line),
        endLine: String(finding?.endLine),
        col: String(finding?.column),
        title: finding?.rule,
      });
      expect(read?.message).toContain(finding?.message);
      for (const item of finding?.related ?? []) expect(read?.message).toContain(`see ${item.file}:${item.line}`);
    }
    const odd = readWorkflowCommand(
      renderGithub({
        findings: shown.slice(0, 1).map((finding) => ({ ...finding, file: "a,b:c%2C.conf", message: "100 % ::\n" })),
      }),
    );
    expect(odd?.properties["file"]).toBe("a,b:c%2C.conf");
    expect(odd?.message.startsWith("100 % ::\n")).toBe(true);
  });

  it("Markdown is one table row per finding", () => {
    const rows = renderMarkdown(result)
      .split("\n")
      .filter((line) => /^\| (?:error|warning|note) /.test(line));
    expect(rows).toHaveLength(result.findings.filter((finding) => finding.suppressed === undefined).length);
    for (const row of rows) expect(row.replaceAll("\\|", "").match(/\|/g)).toHaveLength(6);
  });

  it("text is short: errors first, a cause once with its places, notes in one line, a score", () => {
    const [finding] = result.findings;
    const make = (rule: string, severity: Severity, line: number, message = "wrong"): Finding => ({
      ...(finding as Finding), // the site has findings
      rule,
      severity,
      line,
      message,
      fix: `mend ${rule}`,
    });
    const many = Array.from({ length: 15 }, (_, i) => make(`GA-TLS-${101 + i}`, "warning", 1));
    const text = renderText({
      findings: [
        make("GA-TLS-002", "note", 1),
        ...many,
        make("GA-PRS-002", "warning", 2),
        make("GA-STR-001", "error", 7),
        ...[8, 9, 10, 11, 12].map((line) => make("GA-STR-001", "error", line)),
        make("GA-STR-001", "error", 13, "wrong in another way"),
      ],
      audited: result.audited,
      unread: 1,
    });
    const lines = text.split("\n");
    expect(lines.slice(0, 6)).toEqual([
      "error GA-STR-001 site.conf:7 wrong",
      "  fix: mend GA-STR-001 (--fix does this)",
      "  also site.conf:8, site.conf:9, site.conf:10",
      "  also site.conf:13 wrong in another way",
      "  and 2 more",
      "warning GA-PRS-002 site.conf:2 wrong",
    ]);
    expect(lines).toContain(
      "5 more findings: GA-TLS-111, GA-TLS-112, GA-TLS-113, GA-TLS-114, GA-TLS-115 (show with --all)",
    );
    expect(lines).toContain("1 note: GA-TLS-002 (show with --all)");
    expect(lines.at(-2)).toBe("7 errors, 16 warnings, 1 note in 2 files, 1 not audited, score 4 of 100");
    expect(lines.length).toBeLessThan(40);
  });

  it("text shows the code of both files", () => {
    const findings = result.findings.filter((finding) => finding.rule === "GA-STR-004").slice(0, 1);
    const text = renderText({ findings, audited: result.audited, unread: 0 }, { all: true });
    expect(text).toMatchInlineSnapshot(`
      "error GA-STR-004 proxy_read_timeout is not set (60s) ends a silent session before the server's idle timeout of 400s
        --> site.conf:7:5
        7 |     proxy_pass http://127.0.0.1:9876;
          |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
        --> gigastt.config.yaml:2:3
        2 |   idleTimeout: 400s
          |   ^^^^^^^^^^^^^^^^^ session.idleTimeout is set here
        --> gigastt.config.yaml:3:3
        3 |   pingInterval: 0
          |   ^^^^^^^^^^^^^^^ session.pingInterval is set here
        why: proxy_read_timeout and proxy_send_timeout are idle timers, 60 s by default. The server's pings, every 30 s by default, keep a silent session alive; a timer that is not longer than the ping interval, or any timer below the idle timeout when pings are off, fires first: nginx drops the connection without a Close frame: the client sees 1006, loses its final result and cannot distinguish a pause from a crash. The server's own idle close has a code and flushes the result.
        fix: Write \`proxy_read_timeout 430s;\` (idle timeout + 30 s). (--fix does this)

      1 error, 0 warnings, 0 notes in 2 files, score 85 of 100
      "
    `);
  });

  it("is the same twice, whatever the order of the files", () => {
    const a = baseFiles("nginx");
    const reversed = Object.fromEntries(Object.entries(a).reverse());
    const report = (files: Record<string, string>): string =>
      renderJson(runRules(factsOf(files, { assume: { "session.idleTimeout": "1h" } }), { today: "2026-11-21" }));
    expect(report(a)).toBe(report(reversed));
  });
});
