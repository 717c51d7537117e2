import { readFile, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { applyFixes, previewFixes } from "../../audit/apply.ts";
import type { AuditOptions, AuditResult } from "../../audit/audit.ts";
import { audit } from "../../audit/audit.ts";
import { parseBaseline, renderBaseline } from "../../audit/baseline.ts";
import { ASSUME_KEYS } from "../../audit/model/assume.ts";
import { catalogue } from "../../checks/catalogue.ts";
import { mergeObserved } from "../../audit/observe/merge.ts";
import { active } from "../../audit/report/summary.ts";
import { didYouMean } from "../../shared/text/suggest.ts";
import { recordAudit } from "../audit-record.ts";
import { askYes, canAsk } from "../yes.ts";
import type { Command, CommandContext, FlagSpec } from "../command.ts";
import { explain, list } from "../audit/catalogue.ts";
import { HOST_FLAGS, judgeThisHost } from "../audit/host.ts";
import { LIVE_FLAGS, livePlan, mayProbe, probeLive } from "../audit/live.ts";
import { exitCode, report, REPORT_FLAGS } from "../audit/report.ts";
import { UsageError } from "../usage.ts";

const version = (program: string, example: string): FlagSpec => ({
  type: "string",
  value: "VERSION",
  describe: `version of ${program} that reads the files, e.g. ${example}`,
});

export const command: Command = {
  summary: "Find mistakes in proxy, container and unit files, and between them",
  topic: "deploy",
  rank: 3,
  positionals: "[PATH…]",
  flags: {
    ...REPORT_FLAGS,
    assume: {
      type: "string",
      value: "KEY=VALUE",
      multiple: true,
      describe: "assume this server setting, e.g. shutdown.drain=30s; may be repeated",
    },
    fix: {
      type: "boolean",
      choices: ["unsafe"],
      describe:
        "apply the safe fixes; --fix=unsafe shows a diff with the others too, and writes after a yes or with --yes",
    },
    yes: { type: "boolean", describe: "with --fix=unsafe: write without asking" },
    diff: { type: "boolean", describe: "with --fix: only show what would be written" },
    ...LIVE_FLAGS,
    "nginx-version": version("nginx", "1.22.1"),
    "caddy-version": version("Caddy", "2.8.4"),
    "kubernetes-version": version("Kubernetes", "1.30"),
    "docker-version": version("Docker", "28.2"),
  },
  help: "PATH is a folder or file (default: the current folder): gigastt.config.yaml, what was rendered from it, and other files: nginx trees and `nginx -T` dumps, Caddyfiles and Caddy's JSON, compose projects, Kubernetes manifests, systemd units with drop-ins, Dockerfiles, .env, htpasswd, crontabs, guides in Markdown. It reads only, no network, and writes nothing without --fix.\n\nExit code 0: nothing at or above --fail-on; 1: findings, or with --strict something that was not audited; 2: wrong usage; 3: nothing to audit.\n\nSilence a finding with a comment on or above its line: `# gigastt-audit ignore[GA-XFF-001] reason`, with an end: `until=2027-01-31`.",
  subcommands: {
    host: {
      summary: "Check this machine: sockets, containers, unit, files, swap, dumps, certificates, clock, memory",
      positionals: "[PATH…]",
      flags: { ...REPORT_FLAGS, ...HOST_FLAGS },
      help: "Reads what this machine really does, changes nothing and contacts no other machine. As root it sees the sockets and files of every user; what it may not read is listed as not checked, with the reason. Findings in the files of PATH are confirmed or contradicted.\n\nExit code as for the audit of files; 3 when nothing could be looked at.",
      run: host,
    },
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
  const plan = await livePlan(context);
  if (plan !== undefined && !(await mayProbe(context, plan))) {
    stderr.write("gigastt: nothing was sent\n");
    return 3;
  }
  // Asking a host says nothing about the current folder: only files that are named are compared.
  const named = context.positionals.length > 0 || plan !== undefined;
  const options = await auditOptions(context, named ? context.positionals : ["."]);
  const shows = stderr.isTTY === true;
  let result = await audit(
    shows ? { ...options, onProgress: (done, all) => void stderr.write(`\r${done} of ${all} files`) } : options,
  );
  if (shows) stderr.write("\r\u001b[K");
  if (plan !== undefined) result = mergeObserved(result, await probeLive(context, plan, result.facts.assume), options);
  else if (result.audited.length === 0) {
    stderr.write(
      `gigastt: nothing to audit in ${options.paths.join(", ")}: no proxy, container, unit or gigastt configuration found\n`,
    );
    if (result.unread > 0 || (textFlag(context, "format") ?? "text") !== "text") stdout.write(report(result, context));
    return 3;
  }
  if (flags["fix"] !== undefined) {
    const fixed = await fix(context, options, result);
    if (fixed === undefined) return 0;
    result = fixed;
  }
  return finish(context, result);
}

async function auditOptions(context: CommandContext, paths: readonly string[]): Promise<AuditOptions> {
  const baseline = textFlag(context, "baseline");
  return {
    paths,
    cwd: context.cwd,
    assume: readAssumptions(context.flags["assume"]),
    versions: {
      nginx: textFlag(context, "nginx-version"),
      caddy: textFlag(context, "caddy-version"),
      kubernetes: textFlag(context, "kubernetes-version"),
      docker: textFlag(context, "docker-version"),
    },
    config: textFlag(context, "config"),
    ignores: context.flags["no-ignores"] !== true,
    today: new Date().toISOString().slice(0, 10),
    ...(baseline === undefined ? {} : { baseline: parseBaseline(await readInput(context, baseline), baseline) }),
  };
}

/** Writes the baseline or the report, and says how it ended. */
async function finish(context: CommandContext, result: AuditResult): Promise<number> {
  const target = textFlag(context, "write-baseline");
  if (target !== undefined) {
    await writeFile(resolve(context.cwd, target), renderBaseline(result.findings));
    context.stderr.write(`gigastt: ${result.findings.length} findings written to ${target}\n`);
    return 0;
  }
  await recordAudit(
    context,
    result.audited.map(({ file }) => file),
    active(result.findings),
  );
  context.stdout.write(report(result, context));
  return exitCode(result, context);
}

// --- host

async function host(context: CommandContext): Promise<number> {
  const options = await auditOptions(context, context.positionals);
  const judged = await judgeThisHost(context);
  const base = await audit({ ...options, config: judged.configFile ?? options.config });
  // Without paths this is about the machine alone; the configuration is read for its ignores.
  const files = context.positionals.length > 0 ? base : { ...base, findings: [], audited: [], unread: 0 };
  return finish(context, mergeObserved(files, judged.verdicts, options));
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
  if (flags["diff"] === true || unsafe) {
    const diff = previewFixes(result, kinds);
    stdout.write(diff);
    if (diff === "") stderr.write("gigastt: there is nothing to fix\n");
    if (diff === "" || flags["diff"] === true) return undefined;
    // What changes behaviour is written only after a person has seen it.
    if (flags["yes"] !== true && !(canAsk(context) && (await askYes(context, "Write these changes?")))) {
      stderr.write("gigastt: nothing was written; read the diff, then repeat with --yes\n");
      return undefined;
    }
  }
  const outcome = await applyFixes(options, kinds);
  for (const { file, reason } of outcome.refused) stderr.write(`gigastt: ${file} is left as it is: ${reason}\n`);
  stderr.write(`gigastt: ${outcome.fixed} ${outcome.fixed === 1 ? "finding" : "findings"} fixed\n`);
  return outcome.result;
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
        `--assume: unknown key "${key}"${meant === "" ? `; known keys: ${Object.keys(ASSUME_KEYS).join(", ")}` : `, ${meant}`}`,
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
