import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { ASSUME_KEYS } from "../../../src/audit/model/assume.ts";
import { catalogue } from "../../../src/audit/catalogue.ts";
import { hostChecks } from "../../../src/audit/host/registry.ts";
import { probes } from "../../../src/audit/live/registry.ts";
import { unifiedDiff } from "../../../src/audit/diff.ts";
import { rules } from "../../../src/audit/rules/registry.ts";
import type { Rule, RuleInfo } from "../../../src/audit/types.ts";
import type { RuleCase } from "../../support/audit-case.ts";
import { baseFiles, brokenFiles } from "../../support/audit-case.ts";
import { RULE_CASES } from "../../support/audit-cases.ts";
import { auditFiles } from "../../support/audit-files.ts";

const DOCS = fileURLToPath(new URL("../../../docs/audit/", import.meta.url));

const AREAS: Readonly<Record<string, string>> = {
  XFF: "Client identity",
  STR: "Streams, timeouts, sizes",
  LIF: "Lifecycle",
  EXP: "Exposure, authentication, secrets",
  TLS: "TLS",
  SBX: "Containers and units",
  DRF: "Drift and age",
  PRS: "Syntax",
  IGN: "Suppressions",
};

// Written by `npx vitest run test/unit/audit/docs.test.ts -u` from the rules and their fixtures; CI only compares.
describe("docs/audit", () => {
  it.each(rules.map((rule) => [rule.id, rule] as const))(
    "%s has its page, with before and after from the fixtures",
    async (id, rule) => {
      await expect(rulePage(rule)).toMatchFileSnapshot(join(DOCS, `${id}.md`));
    },
  );

  it.each([...probes, ...hostChecks].map((rule) => [rule.id, rule] as const))(
    "%s has its page, with what it reads and the rules that look for the same in files",
    async (id, rule) => {
      await expect(observedPage(rule)).toMatchFileSnapshot(join(DOCS, `${id}.md`));
    },
  );

  it("the index lists every rule", async () => {
    await expect(indexPage()).toMatchFileSnapshot(join(DOCS, "README.md"));
  });

  it("has no page of a rule that is gone", () => {
    const known = new Set([
      ...catalogue.map((rule) => `${rule.id}.md`),
      "README.md",
      "comparison.md",
      "report.schema.json",
    ]);
    expect(readdirSync(DOCS).filter((name) => !known.has(name))).toEqual([]);
  });

  it("every page's links lead somewhere", () => {
    const names = new Set(readdirSync(DOCS));
    for (const name of names) {
      if (!name.endsWith(".md")) continue;
      for (const [, target] of readFileSync(join(DOCS, name), "utf8").matchAll(
        /\]\((GA-[^)#]+|README[^)#]+|comparison[^)#]+|report[^)#]+)\)/g,
      )) {
        expect(names.has(target ?? ""), `${name} → ${target}`).toBe(true);
      }
    }
  });
});

function rulePage(rule: Rule): string {
  const cases = RULE_CASES.filter((item) => item.rule === rule.id);
  const main = cases.find((item) => item.from !== item.to) ?? cases.find((item) => item.add) ?? cases[0];
  const lines = [
    `# ${rule.id}: ${rule.title}`,
    "",
    "<!-- generated from the rule and its fixtures; a test compares -->",
    "",
    "| severity | confidence | fix | reads |",
    "|---|---|---|---|",
    `| ${rule.severity} | ${rule.confidence} | ${rule.fixKind} | ${rule.reads.join(", ")} |`,
    "",
    rule.why,
    "",
    ...rule.evidence.map((line) => `- ${line}`),
    "",
    ...(main ? example(rule, main) : []),
    "## Also found",
    "",
    ...cases.map((item) => `- ${item.name} (\`${item.file}\`)`),
    "",
    "## If it is meant so",
    "",
    rule.id === "GA-PRS-002"
      ? `In the config: \`audit.ignore: ["GA-PRS-002: the reason"]\`, with an end if it is not for ever: \`GA-PRS-002 until=2027-01-31: the reason\`.`
      : rule.id === "GA-PRS-001" || rule.id === "GA-IGN-001"
        ? "Correct the file: a suppression cannot stand where nothing can be read."
        : `\`# gigastt-audit ignore[${rule.id}] the reason\` on or above the line, with an end if it is not for ever: \`until=2027-01-31\`.`,
    "",
    "[All rules](README.md)",
    "",
  ];
  return lines.join("\n");
}

/** A probe or host check: nothing to show before and after, but what it asks and compares with. */
function observedPage(rule: RuleInfo & { readonly sameAs: readonly string[] }): string {
  const asked = rule.id.startsWith("GA-LIV-") ? "asks" : "reads";
  return [
    `# ${rule.id}: ${rule.title}`,
    "",
    "<!-- generated from the rule; a test compares -->",
    "",
    `| severity | confidence | fix | ${asked} |`,
    "|---|---|---|---|",
    `| ${rule.severity} | ${rule.confidence} | ${rule.fixKind} | ${rule.reads.map((item) => item.replaceAll("|", "\\|")).join(", ")} |`,
    "",
    rule.why,
    "",
    ...rule.evidence.map((line) => `- ${line}`),
    "",
    ...(rule.sameAs.length === 0
      ? []
      : [
          "## The same defect in files",
          "",
          `${rule.sameAs.map((id) => `[${id}](${id}.md)`).join(", ")}: what is seen here confirms or contradicts their findings.`,
          "",
        ]),
    "## If it is meant so",
    "",
    `In the config: \`audit.ignore: ["${rule.id}: the reason"]\`, with an end if it is not for ever: \`${rule.id} until=2027-01-31: the reason\`.`,
    "",
    "[All rules](README.md)",
    "",
  ].join("\n");
}

function example(rule: Rule, item: RuleCase): string[] {
  const bad = brokenFiles(item);
  const good = baseFiles(item.base);
  const first = auditFiles(bad, item).find((finding) => finding.rule === rule.id);
  const told = first ? [`> ${first.severity}: ${first.message}`, ">", `> fix: ${first.fix}`, ""] : [];
  const extra = Object.entries(item.assume ?? {}).map(([key, value]) => `\`--assume ${key}=${value}\``);
  const condition = extra.length > 0 ? [`With ${extra.join(", ")}:`, ""] : [];
  const changed = [item.file, ...(item.also ?? []).map((change) => change.file)].find(
    (file) => bad[file] !== good[file],
  );
  if (changed === undefined) {
    const [file, text] = Object.entries(item.add ?? {})[0] ?? [first?.file ?? "", ""];
    const shown =
      text === "" && first
        ? first.source.text
            .split("\n")
            .slice(Math.max(0, first.line - 2), first.line + 1)
            .join("\n")
        : text.trimEnd();
    return ["## Before", "", ...condition, `\`${file}\`:`, "", `\`\`\`${language(file)}`, shown, "```", "", ...told];
  }
  const diff = unifiedDiff(changed, bad[changed] ?? "", good[changed] ?? "").split("\n");
  const hunk = diff.slice(3).filter((line) => line !== "" && !line.startsWith("@@"));
  const before = hunk.filter((line) => !line.startsWith("+")).map((line) => line.slice(1));
  const after = hunk.filter((line) => !line.startsWith("-")).map((line) => line.slice(1));
  return [
    "## Before",
    "",
    ...condition,
    `\`${changed}\`:`,
    "",
    `\`\`\`${language(changed)}`,
    ...before,
    "```",
    "",
    ...told,
    "## After",
    "",
    `\`\`\`${language(changed)}`,
    ...after,
    "```",
    "",
  ];
}

function byId(a: RuleInfo, b: RuleInfo): number {
  return a.id < b.id ? -1 : 1;
}

function language(file: string): string {
  if (/\.ya?ml$/.test(file)) return "yaml";
  if (/\.(?:conf|inc)$/.test(file) && !file.includes(".d/")) return "nginx";
  if (file.endsWith("Caddyfile")) return "caddy";
  if (file.endsWith("Dockerfile")) return "dockerfile";
  if (/\.(?:service|conf)$/.test(file)) return "ini";
  return file.endsWith(".sh") ? "bash" : "";
}

function indexPage(): string {
  const out = [
    "# Audit rules",
    "",
    "<!-- generated from the rules; a test compares -->",
    "",
    "`gigastt audit [PATH…]` reads the configuration, what was rendered from it, and files of other origin, and says what is wrong in them and across them. It needs no network and writes nothing without `--fix`.",
    "",
    "- `gigastt audit explain GA-XFF-001` shows a rule, `gigastt audit list` all of them.",
    "- `--format text|json|sarif|junit|github|markdown`; the JSON is described by [report.schema.json](report.schema.json).",
    "- Exit code: 0 nothing at or above `--fail-on` (default error), 1 findings, 2 wrong usage, 3 nothing to audit.",
    "- `--fix` applies the safe fixes and audits again; where nginx or Caddy is installed, it must accept the new file too. `--fix=unsafe` shows a diff of the rest and writes after a yes on the terminal, or with `--yes`; each page says whether its fix is safe, unsafe or by hand. Files that gigastt rendered are never patched: change the config and render.",
    "- Silence a finding with `# gigastt-audit ignore[ID] reason` on or above its line (`;` in units, `//` in scripts), optionally `until=YYYY-MM-DD`, or in the config's `audit.ignore`. A reason is mandatory. `--write-baseline FILE` and `--baseline FILE` accept what is there today.",
    "- `gigastt audit --live URL` asks a running service: [Live probes](#live-probes). `gigastt audit host` looks at this machine: [Host checks](#host-checks).",
    "- How it compares with other tools: [comparison.md](comparison.md).",
    "",
    "## Without our configuration",
    "",
    "Limits that rules compare with come from `gigastt.config.yaml` in the audited folder (or `--config FILE`), else from `--assume KEY=VALUE`, else they are the defaults. Keys:",
    "",
    Object.keys(ASSUME_KEYS)
      .map((key) => `\`${key}\``)
      .join(", "),
    "",
    "Versions of the programs change what is right: `--nginx-version`, `--caddy-version`, `--kubernetes-version`, `--docker-version`; image tags and `deploy.proxy.version` count too.",
    "",
    "Rules about the server's limits look only at what leads to the server: an upstream, service or container by its port (`server.port`), its image or name (gigastt, stt, asr, …), its routes (`/v1/ws`, `/v1/transcribe`), or `--assume upstream=HOST:PORT`.",
    "",
  ];
  for (const [area, title] of Object.entries(AREAS)) {
    out.push(`## ${title}`, "", "| rule | severity | fix | what |", "|---|---|---|---|");
    for (const rule of rules.filter((item) => item.id.startsWith(`GA-${area}-`)))
      out.push(`| [${rule.id}](${rule.id}.md) | ${rule.severity} | ${rule.fixKind} | ${rule.title} |`);
    out.push("");
  }
  out.push(
    "## Live probes",
    "",
    "`gigastt audit --live https://stt.example.com [PATH…]` asks the running service itself, and compares the answers with the findings in the files that are named (and in `--config FILE`): a finding is confirmed, or contradicted. It needs your consent (`--consent`, or a yes in the terminal), sends at most 60 requests (`--live-requests`) within 120 s (`--live-time`) to the given host alone, follows no redirect, and reads at most 64 KiB of each answer. The last probe uses up the rate limit of the address it comes from; a silent session and a slow upload take one slot each for a while. Credentials: `--user NAME` or `--key-stdin`, the secret asked for or on standard input, `--cert` and `--key`; they are sent to no certificate that is not trusted. What could not be asked is listed as not checked, with the reason; exit code 3 when that is everything.",
    "",
    "| probe | severity | what |",
    "|---|---|---|",
    ...probes.toSorted(byId).map((rule) => `| [${rule.id}](${rule.id}.md) | ${rule.severity} | ${rule.title} |`),
    "",
    "## Host checks",
    "",
    "`gigastt audit host` reads what this machine really does: listening sockets, published container ports, the running unit, file modes, swap and core dumps, certificates, the clock, memory. It changes nothing and asks nobody outside. Run it as root to see the sockets and files of every user; what it may not read is listed as not checked, with the reason.",
    "",
    "| check | severity | what |",
    "|---|---|---|",
    ...hostChecks.toSorted(byId).map((rule) => `| [${rule.id}](${rule.id}.md) | ${rule.severity} | ${rule.title} |`),
    "",
  );
  return out.join("\n");
}
