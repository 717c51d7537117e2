import type { ParseProblem } from "../parts.ts";
import type { Source, Span } from "../source.ts";

/** One argument after quotes, heredocs and `{$ENV:default}` are resolved. */
export interface CaddyArg extends Span {
  readonly value: string;
  /** Empty for bare words, else the quote character or `<<` for a heredoc. */
  readonly quote: string;
}

/** One directive or subdirective. `line`/`column` are of its name in the file it was written in (a snippet keeps its own place). */
export interface CaddyDirective extends Span {
  readonly name: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly nameSpan: Span;
  readonly args: readonly CaddyArg[];
  readonly block?: readonly CaddyDirective[];
  /** Offset of the `}` that closes the block. */
  readonly blockEnd?: number;
}

/** One server block: its addresses and directives. */
export interface CaddySite extends Span {
  readonly addresses: readonly CaddyArg[];
  readonly directives: readonly CaddyDirective[];
  readonly blockEnd?: number;
}

export interface CaddyFile {
  readonly source: Source;
  /** Global options block. */
  readonly options: readonly CaddyDirective[];
  readonly optionsBlock?: CaddyDirective;
  readonly sites: readonly CaddySite[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
  /** Imports of files that are not in the audited tree. */
  readonly missingImports: readonly Span[];
  /** Import patterns that match no audited file. */
  readonly emptyImports: readonly Span[];
}

/** Answers the sources an `import` pattern names; undefined when nothing is there. */
export type ImportResolver = (from: Source, pattern: string) => readonly Source[] | undefined;
