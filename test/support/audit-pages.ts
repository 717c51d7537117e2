import { catalogue } from "../../src/checks/catalogue.ts";
import { unifiedDiff } from "../../src/audit/diff.ts";
import { docsOf, families, type Family } from "../../src/audit/families.ts";
import { hostChecks } from "../../src/checks/host/registry.ts";
import { probes } from "../../src/checks/live/registry.ts";
import { ASSUME_KEYS } from "../../src/audit/model/assume.ts";
import { rules } from "../../src/audit/rules/registry.ts";
import type { Rule, RuleInfo } from "../../src/audit/types.ts";
import { baseFiles, brokenFiles, type RuleCase } from "./audit-case.ts";
import { RULE_CASES } from "./audit-cases.ts";
import { auditFiles } from "./audit-files.ts";
import { programsOf, PROOFS, reasonFor } from "../contract/proxy/proofs/table.ts";

type Observed = (typeof probes | typeof hostChecks)[number];

/** docs/audit: one page per family and the index, out of the rules and their cases. Path → text. */
export function auditPages(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/audit/README.md", indexPage()],
    ["docs/audit/proofs.md", proofsPage()],
    ...families.map((family): [string, string] => [`docs/audit/${family.slug}.md`, familyPage(family)]),
  ]);
}

function familyPage(family: Family): string {
  const own = <T extends RuleInfo>(list: readonly T[]): readonly T[] =>
    list.filter(({ id }) => id.startsWith(`GA-${family.prefix}-`));
  return [
    `# Audit: ${family.title}`,
    "",
    "<!-- generated from the rules and their cases by `node scripts/docs.js`; a test compares -->",
    "",
    "Lines with `-` are what the rule finds, lines with `+` what it asks for. [All rules](README.md), [how to silence one](README.md#silence-a-finding).",
    "",
    ...own(rules).flatMap(ruleSection),
    ...own([...probes, ...hostChecks]).flatMap(observedSection),
  ].join("\n");
}

function ruleSection(rule: Rule): string[] {
  const cases = RULE_CASES.filter((item) => item.rule === rule.id);
  const main = cases.find((item) => item.from !== item.to) ?? cases.find((item) => item.add) ?? cases[0];
  return [
    ...head(rule, "reads"),
    ...(main ? example(rule, main) : []),
    `Tested: ${cases.map((item) => `${item.name} (\`${item.file}\`)`).join("; ")}.`,
    "",
  ];
}

/** A probe or host check has nothing to show before and after, only what it asks and what it compares with. */
function observedSection(rule: Observed): string[] {
  const same = rule.sameAs.map((id) => `[${id}](${linkTo(id)})`).join(", ");
  return [
    ...head(rule, rule.id.startsWith("GA-LIV-") ? "asks" : "reads"),
    ...(same === "" ? [] : [`Confirms or contradicts findings in files: ${same}.`, ""]),
  ];
}

function head(rule: RuleInfo, verb: string): string[] {
  return [
    `## ${rule.id}`,
    "",
    `**${rule.title}**: ${rule.severity}, ${rule.confidence}, fix ${rule.fixKind}; ${verb} ${rule.reads.join(", ")}.`,
    "",
    rule.why,
    "",
    ...rule.evidence.map((line) => `- ${line}`),
    "",
  ];
}

function example(rule: Rule, item: RuleCase): string[] {
  const bad = brokenFiles(item);
  const good = baseFiles(item.base);
  const found = auditFiles(bad, item).find((finding) => finding.rule === rule.id);
  const assumed = Object.entries(item.assume ?? {}).map(([key, value]) => `\`--assume ${key}=${value}\``);
  const says = found ? [`> ${found.message}. ${found.fix}`, ""] : [];
  const changed = [item.file, ...(item.also ?? []).map((change) => change.file)].find(
    (file) => bad[file] !== good[file],
  );
  const file = changed ?? Object.keys(item.add ?? {})[0] ?? found?.file ?? item.file;
  const condition = assumed.length > 0 ? `, with ${assumed.join(", ")}` : "";
  const lines =
    changed === undefined
      ? shown(bad[file] ?? "", item.add?.[file] === undefined ? found?.line : undefined)
      : unifiedDiff(changed, bad[changed] ?? "", good[changed] ?? "", 1)
          .split("\n")
          .slice(2, -1)
          .map((line) => (line.startsWith("@@") ? "…" : line))
          .slice(1);
  return [`\`${file}\`${condition}:`, "", `\`\`\`${changed === undefined ? "" : "diff"}`, ...lines, "```", "", ...says];
}

/** What every rule about a proxy claims, and how the claim was shown. */
function proofsPage(): string {
  const rows = rules.flatMap((rule) =>
    programsOf(rule).flatMap((program) => {
      const link = `| [${rule.id}](${linkTo(rule.id)}) | ${program}`;
      const own = PROOFS.filter((proof) => proof.rule === rule.id && proof.program === program);
      const shown = own.map(({ claims, from, before }) => {
        const versions = [from && `from ${from}`, before && `before ${before}`].filter(Boolean).join(", ");
        return `${link} | ${claims} | shown${versions === "" ? "" : `, ${versions}`} |`;
      });
      return shown.length > 0 ? shown : [`${link} | | not shown: ${reasonFor(rule.id, program)} |`];
    }),
  );
  return [
    "# Claims about traffic, and their proofs",
    "",
    "<!-- generated from the proofs by `node scripts/docs.js`; a test compares -->",
    "",
    "`shown`: the real program with the bad file fails on the wire, with the good one it does not. The programs: nginx 1.22, 1.26 and the newest, Caddy 2.6 and 2.11, HAProxy 2.6, Traefik 3.6. The proofs are in `test/contract/proxy/proofs`; CI runs each on one version, `.ci/long` on all of them.",
    "",
    "| rule | program | claim | |",
    "|---|---|---|---|",
    ...rows,
    "",
  ].join("\n");
}

/** A text, or the lines around one of it. */
function shown(text: string, line: number | undefined): string[] {
  const lines = text.trimEnd().split("\n");
  return line === undefined ? lines : lines.slice(Math.max(0, line - 2), line + 1);
}

function linkTo(id: string): string {
  return docsOf(id).replace("docs/audit/", "");
}

function indexPage(): string {
  return [
    ...INTRODUCTION,
    Object.keys(ASSUME_KEYS)
      .map((key) => `\`${key}\``)
      .join(", "),
    "",
    ...VERSIONS,
    ...families.flatMap(({ prefix, title, slug }) => [
      `## ${title}`,
      "",
      ...(ABOUT[slug] === undefined ? [] : [ABOUT[slug], ""]),
      "| rule | severity | fix | what |",
      "|---|---|---|---|",
      ...catalogue
        .filter(({ id }) => id.startsWith(`GA-${prefix}-`))
        .map((rule) => `| [${rule.id}](${linkTo(rule.id)}) | ${rule.severity} | ${rule.fixKind} | ${rule.title} |`),
      "",
    ]),
  ].join("\n");
}

const INTRODUCTION = [
  "# Audit rules",
  "",
  "<!-- generated from the rules by `node scripts/docs.js`; a test compares -->",
  "",
  "`gigastt audit [PATH…]` reads the configuration, the files rendered from it, and your own proxy, container and unit files. It reports what is wrong in each file and between them. It needs no network and writes nothing without `--fix`.",
  "",
  "- `gigastt audit explain GA-XFF-001` shows one rule, `gigastt audit list` lists all of them.",
  "- `--format text|json|sarif|junit|github|markdown`; [report.schema.json](report.schema.json) describes the JSON. The text report fits a screen: errors first, each cause once with its places, notes in one line. `--all` shows every finding with its lines and its reason. The score starts at 100; each rule that finds something costs 15 (error), 5 (warning) or 1 (note).",
  "- Exit code: 0 nothing at or above `--fail-on` (default error), 1 findings, 2 wrong usage, 3 nothing to audit.",
  "- `--fix` applies the safe fixes and audits again. Where nginx or Caddy is installed, it must accept the new file too. A fix that would change what another application on the same host answers is only suggested. `--fix=unsafe` shows the other fixes as a diff and writes them after a yes in the terminal, or with `--yes`. Files rendered by gigastt are never patched: change the config and render again.",
  "- [proofs.md](proofs.md) lists what the rules about proxies claim and how each claim was shown in traffic.",
  "- [comparison.md](comparison.md) compares the audit with other tools.",
  "",
  "## Silence a finding",
  "",
  "- In the file: `# gigastt-audit ignore[GA-XFF-001] the reason` on the line or above it (`;` in units, `//` in scripts).",
  '- In the config, also for probes, host checks and files that were not read: `audit.ignore: ["GA-LIV-014: the reason"]`.',
  "- With an end: `ignore[GA-XFF-001] until=2027-01-31 the reason`, or `GA-LIV-014 until=2027-01-31: the reason`.",
  "- `--write-baseline FILE` records the findings of today, `--baseline FILE` accepts them.",
  "",
  "A reason is required. GA-PRS-001 and GA-IGN-001 cannot be silenced by a comment: correct the file.",
  "",
  "## What it reads",
  "",
  "nginx (also the trees of nginx-proxy-manager and SWAG), Caddyfiles and Caddy's JSON, `stream` of nginx, HAProxy, Apache (also `.htaccess`), Traefik (YAML files, compose labels and flags), cloudflared, the JSON of `tailscale serve`, Compose, Podman quadlets, `docker run` and `podman run` in scripts, guides and units, Dockerfiles, Kubernetes manifests (also the output of `helm template`), systemd units, `.env` and password files, cron, and guides in Markdown. What is recognised and cannot be read is named by GA-PRS-002; `--strict` then exits 1.",
  "",
  "## Without our configuration",
  "",
  "Limits that rules compare with come from `gigastt.config.yaml` in the audited folder (or `--config FILE`), then from `--assume KEY=VALUE`, then from the defaults. Keys:",
  "",
];

const VERSIONS = [
  "What is right depends on program versions: `--nginx-version`, `--caddy-version`, `--kubernetes-version`, `--docker-version`. Image tags and `deploy.proxy.version` count too.",
  "",
  "Rules about the server's limits look only at what leads to the server: an upstream, service or container with its port (`server.port`), its image or name (gigastt, stt, asr, …), its routes (`/v1/ws`, `/v1/transcribe`), or `--assume upstream=HOST:PORT`.",
  "",
];

/** What stands above a family's table in the index. */
const ABOUT: Readonly<Record<string, string>> = {
  live: "`gigastt audit --live https://stt.example.com [PATH…]` sends requests to the running service and compares the answers with the findings in the named files (and in `--config FILE`): each finding is confirmed or contradicted. It needs your consent (`--consent`, or a yes in the terminal). It sends at most 100 requests (`--live-requests`) within 120 s (`--live-time`) to the given host only, follows no redirect, and reads at most 64 KiB of each answer. The last probe uses up the rate limit of the address it comes from; a silent session and a slow upload take one slot each for a while. Credentials: `--user NAME` or `--key-stdin`, the secret asked for or on standard input, `--cert` and `--key`; they are never sent to a server whose certificate is not trusted. What could not be asked is listed as not checked, with the reason; exit code 3 if that is everything.",
  host: "`gigastt audit host` reads the state of this machine: listening sockets, published container ports, the running unit, file modes, swap and core dumps, certificates, the clock, memory. It changes nothing and contacts no other machine. Run it as root to see the sockets and files of every user; what it may not read is listed as not checked, with the reason.",
};
