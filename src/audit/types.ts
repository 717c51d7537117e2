import type { Edit, FileKind, Related } from "./parts.ts";
import type { Source, Span } from "./source.ts";
import type { Facts } from "./model/facts.ts";

export type Severity = "error" | "warning" | "note";
/** certain: the file says so. likely: an unseen file could change it. needs-context: true only in the setup the message names. */
export type Confidence = "certain" | "likely" | "needs-context";
/** safe: applied by `--fix`. unsafe: shown as a diff by `--fix=unsafe`. manual: nothing to edit by machine. */
export type FixKind = "safe" | "unsafe" | "manual";

/** What a rule reports. The engine adds rule id, severity, confidence and why. */
export interface Hit {
  readonly span: Span;
  /** One sentence: value found, and what it does. */
  readonly message: string;
  /** One sentence: what to write instead. */
  readonly fix: string;
  readonly edits?: readonly Edit[];
  readonly related?: readonly Related[];
  readonly severity?: Severity;
  readonly confidence?: Confidence;
}

/** What `explain`, the documentation and the reports know of a rule, whatever it looks at. */
export interface RuleInfo {
  readonly id: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly title: string;
  /** Plain words: what happens to whom, and how we know. */
  readonly why: string;
  /** The experiment, source or public thread behind `why`. */
  readonly evidence: readonly string[];
  /** Kinds of files the rule looks at, or what else it reads. */
  readonly reads: readonly string[];
  readonly fixKind: FixKind;
}

export interface Rule extends RuleInfo {
  readonly reads: readonly FileKind[];
  /** `ids` are those of every rule, for rules about suppressions. */
  readonly check: (facts: Facts, ids: ReadonlySet<string>) => Iterable<Hit>;
}

export interface Finding {
  readonly rule: string;
  readonly severity: Severity;
  readonly confidence: Confidence;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly message: string;
  readonly why: string;
  readonly fix: string;
  readonly fixKind: FixKind;
  readonly related: readonly FindingRelated[];
  /** Stable across line shifts: rule, file and the flagged text. */
  readonly fingerprint: string;
  readonly suppressed?: Suppression;
  /** What a live probe or host check says about a finding in files. */
  readonly observed?: Observation;
  readonly edits: readonly Edit[];
  readonly source: Source;
}

export interface FindingRelated {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
  readonly source: Source;
}

export interface Suppression {
  readonly kind: "comment" | "config" | "baseline";
  readonly reason: string;
  readonly until?: string;
}

export interface Observation {
  readonly result: "confirmed" | "contradicted";
  /** Id of the probe or check. */
  readonly rule: string;
  readonly detail: string;
}
