import { createHash } from "node:crypto";
import { dirname } from "node:path";
import { discover, readGitFacts } from "./discover.ts";
import type { ClassifiedFile, Facts } from "./model/facts.ts";
import { buildFacts, mainConfig } from "./model/facts.ts";
import type { Versions } from "./model/versions.ts";
import { rules as allRules } from "./rules/registry.ts";
import { sharedHosts, type TouchesOthers } from "./shared-host.ts";
import { positionAt } from "./source.ts";
import { readIgnoreComments, readIgnoreEntries, suppressionFor } from "./suppress.ts";
import type { CheckReport } from "./observe/report.ts";
import type { Finding, Hit, Rule } from "./types.ts";
import type { FileKind } from "./parts.ts";

export interface AuditOptions {
  readonly paths: readonly string[];
  readonly cwd: string;
  /** `--assume key=value` pairs. */
  readonly assume?: Readonly<Record<string, string>>;
  readonly versions?: Partial<Versions>;
  /** Our own configuration when it lies outside the audited paths. */
  readonly config?: string | undefined;
  /** False: comments and config entries that silence findings do not count. */
  readonly ignores?: boolean;
  /** Fingerprints of findings that were accepted earlier. */
  readonly baseline?: ReadonlySet<string>;
  /** `YYYY-MM-DD`, for the expiry of ignores. */
  readonly today: string;
  readonly rules?: readonly Rule[];
  /** Called after every thousand files that were read. */
  readonly onProgress?: (done: number, all: number) => void;
}

export interface AuditResult {
  readonly findings: readonly Finding[];
  /** Files that were understood, with what they were taken for. */
  readonly audited: readonly { readonly file: string; readonly kind: FileKind | "key" }[];
  readonly root: string;
  readonly facts: Facts;
  /** How many files and folders should have been audited and were not, missing includes too: GA-PRS-002 names them. */
  readonly unread: number;
  /** What live probes or host checks saw; undefined when none ran. */
  readonly checks?: readonly CheckReport[];
}

/** Reads the paths, runs every rule, sorts and deduplicates. No network, no writes. */
export async function audit(options: AuditOptions): Promise<AuditResult> {
  const found = await discover(options.paths, options.cwd, options.config, options.onProgress);
  const git = await readGitFacts(found.root, found.files);
  const facts = buildFacts({
    tree: found.tree,
    files: found.files,
    unread: found.unread,
    git,
    today: options.today,
    configHash: await configHash(found.files),
    given: options.assume ?? {},
    versions: options.versions ?? {},
  });
  return { ...runRules(facts, options), root: found.root, facts };
}

/** Runs rules over facts: the part without file access, for tests and editors. */
export function runRules(
  facts: Facts,
  options: Pick<AuditOptions, "today" | "ignores" | "baseline" | "rules">,
): Pick<AuditResult, "findings" | "audited" | "unread"> {
  const comments = facts.files.flatMap((file) => readIgnoreComments(file.source));
  const entries = readIgnoreEntries(facts.config);
  const seen = new Set<string>();
  const wordsOf = new Map(facts.compose.flatMap(({ files, words }) => files.map((source) => [source, words] as const)));
  const counts = new Map<string, number>();
  const touchesOthers = sharedHosts(facts);
  const findings: Finding[] = [];
  for (const rule of options.rules ?? allRules) {
    for (const found of rule.check(facts, ruleIds)) {
      // The rules about containers write YAML, which these are not.
      const words = wordsOf.get(found.span.source);
      const hit = words === undefined ? found : inWords(found, words);
      const finding = toFinding(rule, hit, { counts, seen, touchesOthers });
      if (!finding) continue;
      const suppressed =
        (options.ignores === false ? undefined : suppressionFor(finding, comments, entries, options.today)) ??
        (options.baseline?.has(finding.fingerprint)
          ? { kind: "baseline" as const, reason: "accepted in the baseline" }
          : undefined);
      findings.push(suppressed ? { ...finding, suppressed } : finding);
    }
  }
  findings.sort(
    (a, b) =>
      compareText(a.file, b.file) ||
      a.line - b.line ||
      a.column - b.column ||
      compareText(a.rule, b.rule) ||
      compareText(a.message, b.message),
  );
  const audited = facts.files.flatMap((file) =>
    file.kind === "unknown" || file.kind === "gitignore" ? [] : [{ file: file.source.path, kind: file.kind }],
  );
  return { findings, audited, unread: facts.unread.length + facts.missing.length };
}

// ---

const ruleIds: ReadonlySet<string> = new Set(allRules.map((rule) => rule.id));

/** Hash of the resolved configuration; undefined when there is none or it has problems (which `gigastt config check` shows). */
async function configHash(files: readonly ClassifiedFile[]): Promise<string | undefined> {
  const file = mainConfig(files)?.absolute;
  if (file === undefined) return undefined;
  try {
    const { loadConfig } = await import("../config/load.ts");
    return (await loadConfig({ file, env: {}, cwd: dirname(file) })).hash;
  } catch {
    return undefined;
  }
}

/** On a host that serves other applications too, a fix that would change their answers is only suggested. */
function fixKindOf(rule: Rule, hit: Hit, touchesOthers: TouchesOthers): Finding["fixKind"] {
  if (hit.edits === undefined || hit.edits.length === 0) return "manual";
  return rule.fixKind === "safe" && hit.edits.some(touchesOthers) ? "unsafe" : rule.fixKind;
}

function inWords(hit: Hit, words: (text: string) => string): Hit {
  return { ...hit, message: words(hit.message), fix: words(hit.fix), edits: [] };
}

function toFinding(
  rule: Rule,
  hit: Hit,
  { counts, seen, touchesOthers }: { counts: Map<string, number>; seen: Set<string>; touchesOthers: TouchesOthers },
): Finding | undefined {
  const { source } = hit.span;
  const start = positionAt(source, hit.span.start);
  const stop = positionAt(source, Math.max(hit.span.start, hit.span.end));
  const key = `${rule.id}\0${source.path}\0${start.line}\0${start.column}\0${hit.message}`;
  if (seen.has(key)) return undefined;
  seen.add(key);
  // The flagged text rather than its line number: a baseline survives edits above it.
  const text = source.text.slice(hit.span.start, hit.span.end).replace(/\s+/g, " ").slice(0, 200);
  const base = `${rule.id}\0${source.path}\0${text}`;
  const nth = counts.get(base) ?? 0;
  counts.set(base, nth + 1);
  return {
    rule: rule.id,
    severity: hit.severity ?? rule.severity,
    confidence: hit.confidence ?? rule.confidence,
    file: source.path,
    line: start.line,
    column: start.column,
    endLine: stop.line,
    endColumn: stop.column,
    message: hit.message,
    why: rule.why,
    fix: hit.fix,
    fixKind: fixKindOf(rule, hit, touchesOthers),
    edits: hit.edits ?? [],
    related: (hit.related ?? []).map((item) => ({
      file: item.span.source.path,
      ...positionAt(item.span.source, item.span.start),
      message: item.message,
      source: item.span.source,
    })),
    fingerprint: createHash("sha256").update(`${base}\0${nth}`).digest("hex").slice(0, 32),
    source,
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
