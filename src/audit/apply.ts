import { readFile, stat } from "node:fs/promises";
import { writeFileAtomic } from "../shared/files.ts";
import type { AuditOptions, AuditResult } from "./audit.ts";
import { audit } from "./audit.ts";
import { checkCaddy, checkNginx } from "./checkers.ts";
import { unifiedDiff } from "./diff.ts";
import type { FixedFile } from "./fix.ts";
import { planFixes } from "./fix.ts";
import { active } from "./report/summary.ts";
import type { Finding } from "./types.ts";

export interface FixReport {
  /** Unified diffs of what was (or would be) written. */
  readonly diff: string;
  readonly fixed: number;
  /** Files left alone, with the reason. */
  readonly refused: readonly { readonly file: string; readonly reason: string }[];
  /** The audit after the last round. */
  readonly result: AuditResult;
}

/** Rounds of fixing: a fix can make room for the next (edits that collided), and a file that resists is fixed one finding at a time. */
const MAX_ROUNDS = 80;

/** The diff of one round of fixes, nothing written. */
export function previewFixes(result: AuditResult, kinds: ReadonlySet<"safe" | "unsafe">): string {
  return planFixes(result.findings, kinds)
    .files.map((file) => unifiedDiff(file.source.path, file.source.text, file.text))
    .join("");
}

/**
 * Writes fixes until nothing is left to fix, and counts what stayed. Every file is audited again: one that no longer parses, that the
 * real proxy took before and refuses now, or whose finding is still there, is put back, and then fixed one finding at a time.
 */
export async function applyFixes(options: AuditOptions, kinds: ReadonlySet<"safe" | "unsafe">): Promise<FixReport> {
  let result = await audit(options);
  const before = new Map<string, string>();
  const refused = new Map<string, string>();
  /** Findings whose fix did not hold, by `sameFinding`. */
  const failed = new Map<string, string>();
  /** Files that are fixed one finding at a time. */
  const singly = new Set<string>();
  let fixed = 0;
  let fixedBefore = 0;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const plan = planFixes(eligible(result.findings, kinds, { refused, failed, singly }), kinds);
    for (const source of plan.rendered)
      refused.set(source.path, "gigastt rendered it: change gigastt.config.yaml and run `gigastt render`");
    const files = plan.files.filter(
      (file) => !refused.has(file.source.path) && file.source.absolute !== undefined && file.text !== file.source.text,
    );
    if (files.length === 0) {
      // What was fixed since may let a fix hold that did not: a second run would find that out, so this one does.
      if (failed.size === 0 || fixed === fixedBefore) break;
      fixedBefore = fixed;
      failed.clear();
      singly.clear();
      continue;
    }
    const giveUp = (file: FixedFile, reason: string, culprits: readonly Finding[]): void => {
      // One of several is at fault: which one shows when they come alone.
      if (file.applied.length > 1 && !singly.has(file.source.path)) singly.add(file.source.path);
      else for (const finding of culprits) failed.set(sameFinding(finding), reason);
    };
    const written: FixedFile[] = [];
    for (const file of files) {
      const reason = await breaks(file, result);
      if (reason !== undefined) giveUp(file, reason, file.applied);
      else {
        await replaceFile(file.source.absolute ?? "", file.source.text, file.text);
        written.push(file);
      }
    }
    const next = await audit(options);
    for (const file of written) {
      const unreadable = parseProblems(next, file) > parseProblems(result, file);
      // By number: once the first of several that read the same is gone, the second takes its fingerprint.
      const count = (findings: readonly Finding[], like: Finding): number =>
        findings.filter((finding) => sentence(finding) === sentence(like)).length;
      const persisting = file.applied.filter(
        (finding) =>
          count(active(next.findings), finding) >
          count(active(result.findings), finding) - count(file.applied, finding),
      );
      if (!unreadable && persisting.length === 0) {
        if (!before.has(file.source.path)) before.set(file.source.path, file.source.text);
        fixed += file.applied.length;
        continue;
      }
      await replaceFile(file.source.absolute ?? "", file.text, file.source.text);
      if (unreadable) giveUp(file, "the fixed file could not be read again", file.applied);
      else
        for (const finding of persisting) failed.set(sameFinding(finding), "the fix does not remove the finding here");
    }
    result = await audit(options);
  }
  const diffs: string[] = [];
  for (const source of result.facts.tree.sources) {
    const old = before.get(source.path);
    if (old !== undefined) diffs.push(unifiedDiff(source.path, old, source.text));
  }
  for (const finding of active(result.findings)) {
    const { file, rule } = finding;
    const reason = failed.get(sameFinding(finding));
    if (reason !== undefined && !refused.has(file)) refused.set(file, `${rule} cannot be fixed by machine: ${reason}`);
  }
  return { diff: diffs.join(""), fixed, refused: [...refused].map(([file, reason]) => ({ file, reason })), result };
}

// ---

/** What a finding says, and where; one fix may make the next of the same rule visible at the same place, with another message. */
function sentence({ rule, file, message }: Finding): string {
  return `${rule}\0${file}\0${message}`;
}

function sameFinding({ fingerprint, message }: Finding): string {
  return `${fingerprint} ${message}`;
}

interface Setbacks {
  readonly refused: ReadonlyMap<string, string>;
  readonly failed: ReadonlyMap<string, string>;
  readonly singly: ReadonlySet<string>;
}

/** Findings whose fixes may be tried: of a file that is fixed singly, the first. */
function eligible(
  findings: readonly Finding[],
  kinds: ReadonlySet<"safe" | "unsafe">,
  { refused, failed, singly }: Setbacks,
): readonly Finding[] {
  const taken = new Set<string>();
  return findings.filter((finding) => {
    if (finding.fixKind === "manual" || !kinds.has(finding.fixKind) || finding.suppressed !== undefined) return false;
    if (refused.has(finding.file) || failed.has(sameFinding(finding))) return false;
    const places = new Set(finding.edits.map(({ span }) => span.source.path));
    const alone = [...places].filter((path) => singly.has(path));
    if (alone.some((path) => taken.has(path))) return false;
    for (const path of alone) taken.add(path);
    return true;
  });
}

function parseProblems(result: AuditResult, { source }: FixedFile): number {
  return active(result.findings).filter(({ rule, file }) => rule === "GA-PRS-001" && file === source.path).length;
}

/** What the real program says against the new text, when it had nothing against the old one. */
async function breaks(file: FixedFile, result: AuditResult): Promise<string | undefined> {
  const kind = result.facts.files.find((item) => item.source === file.source)?.kind;
  const check =
    kind === "caddyfile"
      ? checkCaddy
      : kind === "nginx" && result.facts.nginx.some((root) => root.source === file.source && root.complete)
        ? checkNginx
        : undefined;
  if (!check || (await check(file.source, file.source.text)).state !== "ok") return undefined;
  const verdict = await check(file.source, file.text);
  return verdict.state === "bad"
    ? `${kind === "caddyfile" ? "caddy adapt" : "nginx -t"} refuses the fixed file: ${verdict.message}`
    : undefined;
}

/** Writes beside and renames, keeping the mode; does nothing when the file was changed in between. */
async function replaceFile(path: string, expected: string, text: string): Promise<void> {
  if ((await readFile(path, "utf8")) !== expected) return;
  await writeFileAtomic(path, text, { mode: (await stat(path)).mode & 0o7777 });
}
