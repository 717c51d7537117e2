import type { Source } from "./source.ts";
import { lineText } from "./source.ts";
import type { YamlNode } from "./parse/yaml.ts";
import { yamlAt, yamlStrings } from "./parse/yaml.ts";
import type { Finding, Hit, Suppression } from "./types.ts";
import { globToRegExp } from "./tree.ts";

/** One `gigastt-audit ignore[…]` comment. */
export interface IgnoreComment {
  readonly source: Source;
  /** Line of the comment. */
  readonly line: number;
  /** Line it speaks about: its own, or the next one with text when it stands alone. */
  readonly target: number;
  readonly rules: readonly string[];
  readonly reason: string;
  readonly until: string | undefined;
  readonly start: number;
  readonly end: number;
}

/** One entry of `audit.ignore` in the config. */
export interface IgnoreEntry {
  readonly rule: string;
  readonly file: string | undefined;
  readonly reason: string;
  readonly until: string | undefined;
}

const COMMENT = /[#;/]\s*gigastt-audit\s+ignore\[([^\]]*)\]\s*:?\s*(.*)$/;

/** All ignore comments of a file, in any comment syntax that uses `#`, `;` or `//`. */
export function readIgnoreComments(source: Source): readonly IgnoreComment[] {
  if (!source.text.includes("gigastt-audit")) return [];
  const out: IgnoreComment[] = [];
  for (let line = 1; line <= source.lineStarts.length; line += 1) {
    const text = lineText(source, line);
    const match = COMMENT.exec(text);
    if (!match) continue;
    const until = /\buntil=(\d{4}-\d{2}-\d{2})\b/.exec(match[2] ?? "")?.[1];
    const reason = (match[2] ?? "").replace(/\buntil=\S+/, "").trim();
    const alone = text.slice(0, match.index).trim() === "" || /^\s*\/$/.test(text.slice(0, match.index));
    const start = (source.lineStarts[line - 1] ?? 0) + match.index;
    out.push({
      source,
      line,
      target: alone ? nextTextLine(source, line) : line,
      rules: (match[1] ?? "")
        .split(",")
        .map((rule) => rule.trim())
        .filter((rule) => rule !== ""),
      reason,
      until,
      start,
      end: (source.lineStarts[line - 1] ?? 0) + text.length,
    });
  }
  return out;
}

/** Entries of `audit.ignore` in the config: `RULE[@FILE] [until=YYYY-MM-DD]: reason`. One without a reason has no effect. */
export function readIgnoreEntries(config: YamlNode | undefined): readonly IgnoreEntry[] {
  return yamlStrings(yamlAt(config, "audit", "ignore")).flatMap(({ text }) => {
    const match = /^(GA-[A-Z]{3}-\d{3})(?:@(\S+?))?(?:\s+until=(\d{4}-\d{2}-\d{2}))?\s*:\s*(\S.*)$/.exec(text);
    if (!match) return [];
    return [{ rule: match[1] ?? "", file: match[2], until: match[3], reason: match[4] ?? "" }];
  });
}

/** The suppression that covers a finding, if any. `today` is `YYYY-MM-DD`; an expired or reasonless one does not count. */
export function suppressionFor(
  finding: Pick<Finding, "rule" | "file" | "line" | "endLine" | "source">,
  comments: readonly IgnoreComment[],
  entries: readonly IgnoreEntry[],
  today: string,
): Suppression | undefined {
  for (const comment of comments) {
    const covers =
      comment.source === finding.source &&
      comment.target >= finding.line &&
      comment.target <= Math.max(finding.line, finding.endLine);
    if (covers && comment.rules.includes(finding.rule) && comment.reason !== "" && !isExpired(comment.until, today)) {
      return {
        kind: "comment",
        reason: comment.reason,
        ...(comment.until === undefined ? {} : { until: comment.until }),
      };
    }
  }
  for (const entry of entries) {
    if (entry.rule !== finding.rule || isExpired(entry.until, today)) continue;
    if (entry.file !== undefined && entry.file !== finding.file && !globToRegExp(entry.file).test(finding.file))
      continue;
    return { kind: "config", reason: entry.reason, ...(entry.until === undefined ? {} : { until: entry.until }) };
  }
  return undefined;
}

/** Ignore comments that do not work: no reason, unknown rule, expired. */
export function brokenIgnores(
  comments: readonly IgnoreComment[],
  known: ReadonlySet<string>,
  today: string,
): readonly Hit[] {
  return comments.flatMap((comment): Hit[] => {
    const span = { source: comment.source, start: comment.start, end: comment.end };
    const unknown = comment.rules.filter((rule) => !known.has(rule));
    if (comment.rules.length === 0 || unknown.length > 0) {
      return [
        {
          span,
          message: `this ignore names ${unknown.length > 0 ? `no rule of the audit: ${unknown.join(", ")}` : "no rule"}`,
          fix: "Name a rule: `gigastt-audit ignore[GA-XFF-001] reason`; `gigastt audit list` prints them.",
        },
      ];
    }
    if (comment.reason === "")
      return [
        {
          span,
          message: "this ignore has no reason, so it has no effect",
          fix: "Say why after the bracket: `gigastt-audit ignore[ID] reason`.",
        },
      ];
    if (comment.until !== undefined && isExpired(comment.until, today)) {
      return [
        {
          span,
          message: `this ignore ended on ${comment.until}`,
          fix: "Fix the finding, or set a new date after thinking again.",
        },
      ];
    }
    return [];
  });
}

// ---

function isExpired(until: string | undefined, today: string): boolean {
  return until !== undefined && until < today;
}

function nextTextLine(source: Source, line: number): number {
  for (let at = line + 1; at <= source.lineStarts.length; at += 1) {
    const text = lineText(source, at).trim();
    if (text !== "" && !/^(?:#|;|\/\/)/.test(text)) return at;
  }
  return line;
}
