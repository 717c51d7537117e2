import { readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { runRules } from "../../../../src/audit/audit.ts";
import { parseBaseline, renderBaseline } from "../../../../src/audit/baseline.ts";
import { catalogue } from "../../../../src/checks/catalogue.ts";
import { probes } from "../../../../src/checks/live/registry.ts";
import { mergeObserved } from "../../../../src/audit/observe/merge.ts";
import { notChecked, ok, type Judged } from "../../../../src/audit/observe/verdict.ts";
import { renderGithub } from "../../../../src/audit/report/github.ts";
import { renderJson } from "../../../../src/audit/report/json.ts";
import { renderJunit } from "../../../../src/audit/report/junit.ts";
import { renderMarkdown } from "../../../../src/audit/report/markdown.ts";
import { renderSarif } from "../../../../src/audit/report/sarif.ts";
import { sarifErrors } from "../../../support/report-readers.ts";
import { renderText } from "../../../../src/audit/report/text.ts";
import { factsOf } from "../../../support/audit-files.ts";

const SITE = `server {
  listen 443 ssl;
  location / {
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_pass http://127.0.0.1:9876;
  }
}
`;
const CONFIG = `audit:
  ignore:
    - "GA-LIV-014: the metrics are public on purpose"
`;
const probe = (id: string): (typeof probes)[number] => probes.find((item) => item.id === id)!;
const found = (id: string, message: string, place = "https://stt.example.com/v1/models"): Judged => ({
  rule: probe(id),
  sameAs: probe(id).sameAs,
  verdict: { result: "found", problems: [{ message, fix: "Mend it.", place, evidence: "GET / → 200 <&\"'>" }] },
});
const clean = (id: string): Judged => ({ rule: probe(id), sameAs: probe(id).sameAs, verdict: ok("seen <well>") });
const unseen = (id: string): Judged => ({
  rule: probe(id),
  sameAs: probe(id).sameAs,
  verdict: notChecked("no | answer"),
});

const base = (() => {
  const facts = factsOf({ "site.conf": SITE, "gigastt.config.yaml": CONFIG });
  return { ...runRules(facts, { today: "2026-11-21" }), facts, root: "/srv/site" };
})();
const merge = (judged: readonly Judged[], more: { baseline?: ReadonlySet<string>; ignores?: boolean } = {}) =>
  mergeObserved(base, judged, { today: "2026-11-21", ...more });

describe("an observation beside findings in files", () => {
  const appended = (result: ReturnType<typeof merge>) => result.findings.find(({ rule }) => rule === "GA-XFF-001");

  it("confirms, contradicts, or leaves alone", () => {
    expect(appended(merge([found("GA-LIV-001", "m")]))?.observed).toEqual({
      result: "confirmed",
      rule: "GA-LIV-001",
      detail: "m",
    });
    expect(appended(merge([clean("GA-LIV-001")]))?.observed?.result).toBe("contradicted");
    expect(appended(merge([unseen("GA-LIV-001")]))?.observed).toBeUndefined();
    expect(appended(merge([clean("GA-LIV-014")]))?.observed).toBeUndefined();
    expect(merge([clean("GA-LIV-001")]).checks?.[0]?.contradicts).toEqual([
      { rule: "GA-XFF-001", file: "site.conf", line: 4 },
    ]);
  });

  it("says when the files show no cause for what the host does", () => {
    expect(merge([found("GA-LIV-006", "m")]).checks?.[0]?.filesDiffer).toBe(
      base.findings.every(({ rule }) => rule !== "GA-STR-008"),
    );
    expect(merge([found("GA-LIV-001", "m")]).checks?.[0]?.filesDiffer).toBe(false);
    expect(merge([found("GA-LIV-013", "m")]).checks?.[0]?.filesDiffer).toBe(false);
  });

  it("is silenced by the config's ignores and by a baseline, like any finding", () => {
    const metrics = (result: ReturnType<typeof merge>) => result.findings.find(({ rule }) => rule === "GA-LIV-014");
    expect(metrics(merge([found("GA-LIV-014", "m")]))?.suppressed?.kind).toBe("config");
    expect(metrics(merge([found("GA-LIV-014", "m")], { ignores: false }))?.suppressed).toBeUndefined();
    const baseline = parseBaseline(renderBaseline(merge([found("GA-LIV-002", "m")]).findings), "b");
    const again = merge([found("GA-LIV-002", "m")], { baseline });
    expect(again.findings.find(({ rule }) => rule === "GA-LIV-002")?.suppressed?.kind).toBe("baseline");
  });
});

describe("reports with observations", () => {
  const result = merge([
    found("GA-LIV-001", "forged <b>"),
    clean("GA-LIV-004"),
    unseen("GA-LIV-016"),
    found("GA-LIV-002", "in a file", "/proc/net/tcp with space"),
  ]);

  it("JSON follows its schema", () => {
    const schema: unknown = JSON.parse(
      readFileSync(new URL("../../../../docs/audit/report.schema.json", import.meta.url), "utf8"),
    );
    const validate = new Ajv2020({ allErrors: true, strict: false }).compile(schema as object); // our own file
    const report: unknown = JSON.parse(renderJson(result));
    expect(validate(report), JSON.stringify(validate.errors)).toBe(true);
    expect((report as { checks: unknown[] }).checks).toHaveLength(4);
  });

  it("SARIF follows its schema, with URLs and absolute paths as places", () => {
    const text = renderSarif(result, "0.1.0", catalogue);
    const log = JSON.parse(text) as SarifLog; // our own JSON
    expect(sarifErrors(log)).toEqual([]);
    const [run] = log.runs;
    const uris = run?.results.map((item) => item.locations[0]?.physicalLocation.artifactLocation);
    expect(uris).toContainEqual({ uri: "https://stt.example.com/v1/models" });
    expect(uris).toContainEqual({ uri: "file:///proc/net/tcp%20with%20space" });
    expect(uris).toContainEqual({ uri: "site.conf", uriBaseId: "ROOT" });
    for (const item of run?.results ?? []) expect(run?.tool.driver.rules[item.ruleIndex]?.id).toBe(item.ruleId);
    expect(run?.invocations?.[0]?.toolExecutionNotifications.map(({ level }) => level)).toEqual([
      "note",
      "note",
      "warning",
      "note",
    ]);
  });

  it("JUnit counts its cases and shows what was not checked as skipped", () => {
    const xml = renderJunit(result, "error");
    const attribute = (name: string): number => Number(new RegExp(`<testsuites[^>]* ${name}="(\\d+)"`).exec(xml)?.[1]);
    expect(xml.match(/<testcase /g)).toHaveLength(attribute("tests"));
    expect(xml.match(/<failure /g)).toHaveLength(attribute("failures"));
    expect(xml.match(/<skipped>/g)).toHaveLength(1);
    expect(xml).not.toMatch(/&(?!amp;|lt;|gt;|quot;)/);
  });

  it("GitHub commands name no file that is not in the repository", () => {
    const lines = renderGithub(result).trimEnd().split("\n");
    const live = lines.filter((line) => line.includes("GA-LIV-001"));
    expect(live).toHaveLength(1);
    expect(live[0]).toMatch(/^::error title=GA-LIV-001::https:\/\/stt\.example\.com\/v1\/models: forged/);
  });

  it("Markdown has a row per finding and a row per check", () => {
    const rows = renderMarkdown(result)
      .split("\n")
      .filter((line) => line.startsWith("| GA-LIV-"));
    expect(rows).toHaveLength(4);
    for (const row of rows) expect(row.replaceAll("\\|", "").match(/\|/g)).toHaveLength(5);
  });

  it("text lists every check, also the ones that could not be made", () => {
    const text = renderText(
      {
        findings: result.findings.filter(({ rule }) => rule === "GA-LIV-001"),
        audited: [],
        unread: 0,
        checks: result.checks!,
      },
      { all: true },
    );
    expect(text).toMatchInlineSnapshot(`
      "error GA-LIV-001 forged <b>
        --> https://stt.example.com/v1/models
        1 | GET / → 200 <&"'>
          | ^^^^^^^^^^^^^^^^^
        why: The server counts requests per client address. When a proxy hands on, or adds to, an address header that the client wrote, each request can claim a new address: the limit no longer stops an attacker, and the log names innocent addresses.
        fix: Mend it.

      found        GA-LIV-001 A forged address header gets past the rate limit (confirms GA-XFF-001 at site.conf:4)
      ok           GA-LIV-004 seen <well>
      not checked  GA-LIV-016 The server can be reached without its proxy: no | answer
      found        GA-LIV-002 Pages of other sites may use the REST routes (the audited files show no cause: others are in use, or something stands in front)

      1 error, 0 warnings, 0 notes in 4 checks, 1 of them not checked, score 85 of 100
      "
    `);
  });
});

it("every entry of the catalogue has an id of its own", () => {
  expect(new Set(catalogue.map(({ id }) => id)).size).toBe(catalogue.length);
});

interface SarifLog {
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly invocations?: readonly { readonly toolExecutionNotifications: readonly { readonly level: string }[] }[];
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly locations: readonly { readonly physicalLocation: { readonly artifactLocation: unknown } }[];
    }[];
  }[];
}
