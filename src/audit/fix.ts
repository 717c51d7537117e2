import { readHeader } from "../render/header.ts";
import type { Source } from "./source.ts";
import type { Finding } from "./types.ts";
import type { Edit } from "./parts.ts";

/** New text of one file. */
export interface FixedFile {
  readonly source: Source;
  readonly text: string;
  /** Findings whose edits went in. */
  readonly applied: readonly Finding[];
}

export interface FixPlan {
  readonly files: readonly FixedFile[];
  /** Files that gigastt rendered itself: change the config and render again. */
  readonly rendered: readonly Source[];
}

/**
 * Applies the edits of findings, first come first served: an edit that touches what another already changed waits for the next round.
 * `kinds` says which fixes may be used.
 */
export function planFixes(findings: readonly Finding[], kinds: ReadonlySet<"safe" | "unsafe">): FixPlan {
  const bySource = new Map<Source, { edits: Edit[]; applied: Finding[] }>();
  const rendered = new Set<Source>();
  for (const finding of findings) {
    if (finding.suppressed !== undefined || finding.fixKind === "manual" || !kinds.has(finding.fixKind)) continue;
    const sources = new Set(finding.edits.map((edit) => edit.span.source));
    const ours = [...sources].filter((source) => readHeader(source.text).kind === "intact");
    for (const source of ours) rendered.add(source);
    if (ours.length > 0) continue;
    // All edits of a finding belong together: half a fix can be worse than none.
    const fits = finding.edits.every(
      (edit) => !(bySource.get(edit.span.source)?.edits ?? []).some((other) => collides(edit, other)),
    );
    if (!fits) continue;
    for (const edit of finding.edits) {
      const entry = bySource.get(edit.span.source) ?? { edits: [], applied: [] };
      // Two findings may ask for the same insertion (two locations, one map).
      if (!entry.edits.some((other) => same(edit, other))) entry.edits.push(edit);
      if (!entry.applied.includes(finding)) entry.applied.push(finding);
      bySource.set(edit.span.source, entry);
    }
  }
  return {
    rendered: [...rendered],
    files: [...bySource].map(([source, { edits, applied }]) => ({
      source,
      applied,
      text: applyEdits(source.text, edits),
    })),
  };
}

/** Puts edits into a text. Insertions at one place keep their order. */
export function applyEdits(text: string, edits: readonly Edit[]): string {
  let out = "";
  let at = 0;
  const ordered = edits
    .map((edit, i) => ({ edit, i }))
    .sort((a, b) => a.edit.span.start - b.edit.span.start || a.edit.span.end - b.edit.span.end || a.i - b.i);
  for (const { edit } of ordered) {
    if (edit.span.start < at) continue;
    out += text.slice(at, edit.span.start) + edit.text;
    at = edit.span.end;
  }
  return out + text.slice(at);
}

// ---

function same(a: Edit, b: Edit): boolean {
  return (
    a.span.source === b.span.source && a.span.start === b.span.start && a.span.end === b.span.end && a.text === b.text
  );
}

/** Two edits that cannot both go in as written. Pure insertions never collide, unless one stands inside a replaced stretch. */
function collides(a: Edit, b: Edit): boolean {
  if (a.span.source !== b.span.source || same(a, b)) return false;
  const aEmpty = a.span.start === a.span.end;
  const bEmpty = b.span.start === b.span.end;
  if (aEmpty && bEmpty) return sameSetting(a.text, b.text) || opensSameBlock(a, b);
  if (aEmpty) return a.span.start > b.span.start && a.span.start < b.span.end;
  if (bEmpty) return b.span.start > a.span.start && b.span.start < a.span.end;
  return a.span.start < b.span.end && b.span.start < a.span.end;
}

/** Two insertions at one place that each open a block: the second belongs into the block of the first. */
function opensSameBlock(a: Edit, b: Edit): boolean {
  return a.span.start === b.span.start && /^\s*\{/.test(a.text) && /^\s*\{/.test(b.text);
}

/** Two insertions that set the same thing to different values (a larger timer from one rule, a smaller from another). */
function sameSetting(a: string, b: string): boolean {
  const name = (text: string): string => /^\s*([\w-]+)(?:[\s:=]|$)/.exec(text)?.[1] ?? "";
  const first = name(a);
  return (
    first !== "" &&
    first === name(b) &&
    first !== "proxy_set_header" &&
    first !== "header_up" &&
    first !== "handle" &&
    first !== "location" &&
    first !== "server"
  );
}
