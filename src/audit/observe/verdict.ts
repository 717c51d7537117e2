import type { Confidence, RuleInfo, Severity } from "../types.ts";

/** Something that was found where files cannot look: on the wire, or on this machine. */
export interface Problem {
  /** One sentence: what was seen, and what it does. */
  readonly message: string;
  /** One sentence: what to do. */
  readonly fix: string;
  /** URL or absolute path. */
  readonly place: string;
  /** The exchange, the line of a table, the mode of a file: what a report shows. */
  readonly evidence: string;
  readonly severity?: Severity;
  readonly confidence?: Confidence;
}

/** What a probe or a check says. What could not be looked at is never `ok`. */
export type Verdict =
  | { readonly result: "ok"; readonly detail: string }
  | { readonly result: "found"; readonly problems: readonly Problem[] }
  | { readonly result: "not-checked"; readonly reason: string };

/** A probe or check with the verdict it came to. */
export interface Judged {
  readonly rule: RuleInfo;
  /** Static rules that look for the same defect in files. */
  readonly sameAs: readonly string[];
  readonly verdict: Verdict;
}

export function ok(detail: string): Verdict {
  return { result: "ok", detail };
}

export function notChecked(reason: string): Verdict {
  return { result: "not-checked", reason };
}

/** `found`, or `ok` when there is no problem. */
export function verdictOf(problems: readonly Problem[], detailWhenClean: string): Verdict {
  return problems.length > 0 ? { result: "found", problems } : ok(detailWhenClean);
}

/** Thrown where a probe or check cannot go on: its reason becomes the verdict. */
export class NotCheckedError extends Error {}
