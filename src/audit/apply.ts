import { readFile, stat } from "node:fs/promises";
import { writeFileAtomic } from "../shared/files.ts";
import type { AuditOptions, AuditResult } from "./audit.ts";
import { audit } from "./audit.ts";
import { checkCaddy, checkNginx } from "./checkers.ts";
import { unifiedDiff } from "./diff.ts";
import type { FixedFile } from "./fix.ts";
import { planFixes } from "./fix.ts";
import { active } from "./report/summary.ts";

export interface FixReport {
  /** Unified diffs of what was (or would be) written. */
  readonly diff: string;
  readonly fixed: number;
  /** Files left alone, with the reason. */
  readonly refused: readonly { readonly file: string; readonly reason: string }[];
  /** The audit after the last round. */
  readonly result: AuditResult;
}

/** Rounds of fixing: a fix can make room for the next (edits that collided). */
const MAX_ROUNDS = 6;

/** The diff of one round of fixes, nothing written. */
export function previewFixes(result: AuditResult, kinds: ReadonlySet<"safe" | "unsafe">): string {
  return planFixes(result.findings, kinds)
    .files.map((file) => unifiedDiff(file.source.path, file.source.text, file.text))
    .join("");
}

/**
 * Writes fixes until nothing is left to fix. Every file is audited again; one that no longer parses, or that the real proxy took
 * before and refuses now, is put back.
 */
export async function applyFixes(options: AuditOptions, kinds: ReadonlySet<"safe" | "unsafe">): Promise<FixReport> {
  let result = await audit(options);
  const before = new Map<string, string>();
  const refused = new Map<string, string>();
  let fixed = 0;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const plan = planFixes(
      result.findings.filter((finding) => !refused.has(finding.file)),
      kinds,
    );
    for (const source of plan.rendered)
      refused.set(source.path, "gigastt rendered it: change gigastt.config.yaml and run `gigastt render`");
    const files = plan.files.filter(
      (file) => !refused.has(file.source.path) && file.source.absolute !== undefined && file.text !== file.source.text,
    );
    if (files.length === 0) break;
    for (const file of files) {
      const reason = await breaks(file, result);
      if (reason !== undefined) {
        refused.set(file.source.path, reason);
        continue;
      }
      if (!before.has(file.source.path)) before.set(file.source.path, file.source.text);
      await replaceFile(file.source.absolute ?? "", file.source.text, file.text);
      fixed += file.applied.length;
    }
    const next = await audit(options);
    for (const file of files) {
      // Our own second look: a fix that makes a file unreadable is taken back.
      const problems = (list: AuditResult): number =>
        active(list.findings).filter((finding) => finding.rule === "GA-PRS-001" && finding.file === file.source.path)
          .length;
      if (problems(next) <= problems(result) || refused.has(file.source.path)) continue;
      await replaceFile(file.source.absolute ?? "", file.text, file.source.text);
      refused.set(file.source.path, "the fixed file could not be read again");
    }
    result = await audit(options);
  }
  const diffs: string[] = [];
  for (const source of result.facts.tree.sources) {
    const old = before.get(source.path);
    if (old !== undefined) diffs.push(unifiedDiff(source.path, old, source.text));
  }
  return { diff: diffs.join(""), fixed, refused: [...refused].map(([file, reason]) => ({ file, reason })), result };
}

// ---

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
