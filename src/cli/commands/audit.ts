import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { applyFixes, previewFixes } from "../../audit/apply.ts";
import type { AuditOptions, AuditResult } from "../../audit/audit.ts";
import { audit } from "../../audit/audit.ts";
import { parseBaseline, renderBaseline } from "../../audit/baseline.ts";
import { ASSUME_KEYS } from "../../audit/model/assume.ts";
import { renderGithub } from "../../audit/report/github.ts";
import { renderJson } from "../../audit/report/json.ts";
import { renderJunit } from "../../audit/report/junit.ts";
import { renderMarkdown } from "../../audit/report/markdown.ts";
import { renderSarif } from "../../audit/report/sarif.ts";
import { active } from "../../audit/report/summary.ts";
import { renderText } from "../../audit/report/text.ts";
import { catalogue, findInfo } from "../../audit/catalogue.ts";
import { mergeObserved } from "../../audit/observe/merge.ts";
import { atOrAbove, SEVERITIES } from "../../audit/severity.ts";
import type { Severity } from "../../audit/types.ts";
import { didYouMean } from "../../shared/suggest.ts";
import { readVersion } from "../../shared/version.ts";
import { recordAudit } from "../audit-record.ts";
import type { Command, CommandContext, FlagSpec } from "../command.ts";
import { LIVE_FLAGS, livePlan, mayProbe, probeLive } from "../audit/live.ts";
import { paintFor, table, wrap, writeJson } from "../output.ts";
import { UsageError } from "../usage.ts";

const FORMATS = ["text", "json", "sarif", "junit", "github", "markdown"] as const;
type Format = (typeof FORMATS)[number];

const version = (program: string, example: string): FlagSpec => ({
  type: "string",
  value: "VERSION",
  describe: `version of ${program} that reads the files, e.g. ${example}`,
});

export const command: Command = {
  summary: "Find what is wrong in proxy, container and unit files, also across them",
  positionals: "[PATH…]",
  flags: {
    format: { type: "string", choices: FORMATS, describe: "how to report (default text)" },
    "fail-on": {
      type: "string",
      choices: SEVERITIES,
      describe: "lowest severity that makes the exit code 1 (default error)",
    },
    assume: {
      type: "string",
      value: "KEY=VALUE",
      multiple: true,
      describe: "take a server limit for true, e.g. shutdown.drain=30s; may be repeated",
    },
    fix: {
      type: "boolean",
      choices: ["unsafe"],
      describe: "apply the safe fixes; --fix=unsafe shows a diff with the others too, and writes it with --yes",
    },
    yes: { type: "boolean", describe: "with --fix=unsafe: write without asking" },
    diff: { type: "boolean", describe: "with --fix: only show what would be written" },
    baseline: { type: "string", value: "FILE", describe: "findings listed there do not count" },
    "write-baseline": { type: "string", value: "FILE", describe: "write the findings of today as a baseline" },
    "no-ignores": { type: "boolean", describe: "let findings count that comments or the config silence" },
    "show-suppressed": { type: "boolean", describe: "show silenced findings in the text report" },
    quiet: { type: "boolean", short: "q", describe: "leave the reasons out of the text report" },
    ...LIVE_FLAGS,
    "nginx-version": version("nginx", "1.22.1"),
    "caddy-version": version("Caddy", "2.8.4"),
    "kubernetes-version": version("Kubernetes", "1.30"),
    "docker-version": version("Docker", "28.2"),
  },
  help: "PATH is a folder or file (default: the current folder): gigastt.config.yaml, what was rendered from it, and files of other origin: nginx trees and `nginx -T` dumps, Caddyfiles and Caddy's JSON, compose projects, Kubernetes manifests, systemd units with drop-ins, Dockerfiles, .env, htpasswd, crontabs, guides in Markdown. It reads only, no network, and writes nothing without --fix.\n\nExit code 0: nothing at or above --fail-on; 1: findings; 2: wrong usage; 3: nothing to audit.\n\nSilence a finding with a comment on or above its line: `# gigastt-audit ignore[GA-XFF-001] reason`, with an end: `until=2027-01-31`.",
  subcommands: {
    explain: {
      summary: "Explain a rule: what happens, why, and how to fix it",
      positionals: "ID",
      choices: catalogue.map((rule) => rule.id),
      flags: { json: { type: "boolean", describe: "answer JSON" } },
      run: explain,
    },
    list: {
      summary: "List all rules",
      flags: { json: { type: "boolean", describe: "answer JSON" } },
      run: list,
    },
  },
  run,
};

// --- audit

async function run(context: CommandContext): Promise<number> {
  const { flags, stdout, stderr } = context;
  const format = textFlag(context, "format") ?? "text";
  const failOn = (textFlag(context, "fail-on") ?? "error") as Severity; // the flag's choices are the severities
  const baselinePath = textFlag(context, "baseline");
  const plan = await livePlan(context);
  if (plan !== undefined && !(await mayProbe(context, plan))) {
    stderr.write("gigastt: nothing was sent\n");
    return 3;
  }
  const options: AuditOptions = {
    // Asking a host says nothing about the current folder: only files that are named are compared.
    paths: context.positionals.length > 0 || plan !== undefined ? context.positionals : ["."],
    cwd: context.cwd,
    assume: readAssumptions(flags["assume"]),
    versions: {
      nginx: textFlag(context, "nginx-version"),
      caddy: textFlag(context, "caddy-version"),
      kubernetes: textFlag(context, "kubernetes-version"),
      docker: textFlag(context, "docker-version"),
    },
    config: textFlag(context, "config"),
    ignores: flags["no-ignores"] !== true,
    today: new Date().toISOString().slice(0, 10),
    ...(baselinePath === undefined
      ? {}
      : { baseline: parseBaseline(await readInput(context, baselinePath), baselinePath) }),
  };
  let result = await audit(options);
  if (plan !== undefined) result = mergeObserved(result, await probeLive(context, plan, result.facts.assume), options);
  else if (result.audited.length === 0) {
    stderr.write(
      `gigastt: nothing to audit in ${options.paths.join(", ")}: no proxy, container, unit or gigastt configuration found\n`,
    );
    if (format !== "text") stdout.write(report(result, format as Format, failOn, context)); // the flag's choices are the formats
    return 3;
  }
  if (flags["fix"] !== undefined) {
    const fixed = await fix(context, options, result);
    if (fixed === undefined) return 0;
    result = fixed;
  }
  const target = textFlag(context, "write-baseline");
  if (target !== undefined) {
    await writeFile(resolve(context.cwd, target), renderBaseline(result.findings));
    stderr.write(`gigastt: ${result.findings.length} findings written to ${target}\n`);
    return 0;
  }
  await recordAudit(
    context,
    result.audited.map(({ file }) => file),
    active(result.findings).map(({ severity }) => severity),
  );
  stdout.write(report(result, format as Format, failOn, context)); // the flag's choices are the formats
  if (active(result.findings).some((finding) => atOrAbove(finding.severity, failOn))) return 1;
  const unseen = result.checks?.every((check) => check.result === "not-checked") === true;
  return unseen && result.audited.length === 0 ? 3 : 0;
}

function report(result: AuditResult, format: Format, failOn: Severity, context: CommandContext): string {
  switch (format) {
    case "json":
      return renderJson(result);
    case "sarif":
      return renderSarif(result, readVersion());
    case "junit":
      return renderJunit(result, failOn);
    case "github":
      return renderGithub(result);
    case "markdown":
      return renderMarkdown(result);
    case "text":
      return renderText(result, {
        colours: paintFor(context.stdout, context),
        quiet: context.flags["quiet"] === true,
        showSuppressed: context.flags["show-suppressed"] === true,
      });
  }
}

/** Fixes, or shows what it would do; undefined when showing was all. */
async function fix(
  context: CommandContext,
  options: AuditOptions,
  result: AuditResult,
): Promise<AuditResult | undefined> {
  const { flags, stdout, stderr } = context;
  const unsafe = flags["fix"] === "unsafe";
  const kinds: ReadonlySet<"safe" | "unsafe"> = unsafe ? new Set(["safe", "unsafe"]) : new Set(["safe"]);
  if (flags["diff"] === true || (unsafe && flags["yes"] !== true)) {
    const diff = previewFixes(result, kinds);
    stdout.write(diff);
    if (diff !== "" && unsafe && flags["diff"] !== true)
      stderr.write("gigastt: nothing was written; read the diff, then repeat with --yes\n");
    if (diff === "") stderr.write("gigastt: there is nothing to fix\n");
    return undefined;
  }
  const outcome = await applyFixes(options, kinds);
  for (const { file, reason } of outcome.refused) stderr.write(`gigastt: ${file} is left as it is: ${reason}\n`);
  stderr.write(`gigastt: ${outcome.fixed} ${outcome.fixed === 1 ? "finding" : "findings"} fixed\n`);
  return outcome.result;
}

// --- explain, list

async function explain(context: CommandContext): Promise<number> {
  const id = context.positionals[0] ?? "";
  const rule = findInfo(id);
  if (!rule) {
    const meant = didYouMean(
      id.toUpperCase(),
      catalogue.map((item) => item.id),
    );
    throw new UsageError(
      [`there is no rule "${id}"${meant === "" ? "; `gigastt audit list` prints them" : `, ${meant}`}`],
      ["audit", "explain"],
    );
  }
  const { stdout } = context;
  if (context.flags["json"] === true) {
    writeJson(stdout, {
      id: rule.id,
      title: rule.title,
      severity: rule.severity,
      confidence: rule.confidence,
      why: rule.why,
      evidence: rule.evidence,
      reads: rule.reads,
      fix: rule.fixKind,
    });
    return 0;
  }
  const paint = paintFor(stdout, context);
  stdout.write(
    `${paint.bold(rule.id)} ${rule.title}\n${paint.dim(`${rule.severity}, ${rule.confidence}; reads ${rule.reads.join(", ")}; fix: ${rule.fixKind}`)}\n\n${wrap(rule.why, 100).join("\n")}\n\nEvidence:\n${rule.evidence.map((line) => `- ${line}`).join("\n")}\n\nBefore and after: docs/audit/${rule.id}.md\n`,
  );
  return 0;
}

async function list(context: CommandContext): Promise<number> {
  if (context.flags["json"] === true) {
    writeJson(
      context.stdout,
      catalogue.map((rule) => ({
        id: rule.id,
        severity: rule.severity,
        confidence: rule.confidence,
        fix: rule.fixKind,
        title: rule.title,
        reads: rule.reads,
      })),
    );
    return 0;
  }
  context.stdout.write(`${table(catalogue.map((rule) => [rule.id, rule.severity, rule.fixKind, rule.title]))}\n`);
  return 0;
}

// ---

function textFlag(context: CommandContext, name: string): string | undefined {
  const value = context.flags[name];
  return typeof value === "string" ? value : undefined;
}

function readAssumptions(value: CommandContext["flags"][string]): Record<string, string> {
  const out: Record<string, string> = {};
  const mistakes: string[] = [];
  for (const item of Array.isArray(value) ? (value as readonly string[]) : []) {
    const equals = item.indexOf("=");
    const key = equals === -1 ? item : item.slice(0, equals);
    if (equals === -1) mistakes.push(`--assume needs KEY=VALUE, found "${item}"`);
    else if (!Object.hasOwn(ASSUME_KEYS, key)) {
      const meant = didYouMean(key, Object.keys(ASSUME_KEYS));
      mistakes.push(
        `--assume knows no key "${key}"${meant === "" ? `; it knows ${Object.keys(ASSUME_KEYS).join(", ")}` : `, ${meant}`}`,
      );
    } else out[key] = item.slice(equals + 1);
  }
  if (mistakes.length > 0) throw new UsageError(mistakes, ["audit"]);
  return out;
}

async function readInput(context: CommandContext, path: string): Promise<string> {
  try {
    return await readFile(resolve(context.cwd, path), "utf8");
  } catch {
    throw new UsageError([`the baseline "${path}" cannot be read`], ["audit"]);
  }
}
