import type { ParseProblem } from "../parts.ts";
import type { Source, Span } from "../source.ts";
import { readSegments } from "./caddyfile-blocks.ts";
import type { ParseState } from "./caddyfile-imports.ts";
import { expandTopLevel, MAX_EXPANDED } from "./caddyfile-imports.ts";
import { lexCaddyfile } from "./caddyfile-lexer.ts";
import type { CaddyDirective, CaddyFile, CaddySite, ImportResolver } from "./caddyfile-tree.ts";

/** Parses a Caddyfile. Never throws; a broken file gives problems and what could be read. */
export function parseCaddyfile(
  source: Source,
  options: {
    readonly resolveImport?: ImportResolver;
    readonly env?: Readonly<Record<string, string | undefined>>;
  } = {},
): CaddyFile {
  const problems: ParseProblem[] = [];
  const comments: Span[] = [];
  const missingImports: Span[] = [];
  const emptyImports: Span[] = [];
  const lexed = lexCaddyfile(source, options.env ?? {});
  problems.push(...lexed.problems);
  comments.push(...lexed.comments);
  const state: ParseState = {
    problems,
    comments,
    missingImports,
    emptyImports,
    snippets: new Map(),
    budget: { left: MAX_EXPANDED },
    resolveImport: options.resolveImport ?? (() => undefined),
    env: options.env ?? {},
  };
  const segments = readSegments(expandTopLevel(lexed.tokens, state, [source.path]), state);
  let optionsBlock: CaddyDirective | undefined;
  const sites: CaddySite[] = [];
  for (const [i, segment] of segments.entries()) {
    if (segment.keys.length === 0) {
      if (i > 0) problems.push({ span: segment.span, message: "the global options block must be the first block" });
      else optionsBlock = segment.directive;
      continue;
    }
    const name = segment.keys[0]?.value ?? "";
    if (/^\(.+\)$/.test(name) || name.startsWith("&(")) continue;
    sites.push({
      ...segment.span,
      addresses: segment.keys,
      directives: segment.directive.block ?? [],
      blockEnd: segment.directive.blockEnd,
    } as CaddySite); // blockEnd is absent for a one-site file without braces
  }
  return {
    source,
    options: optionsBlock?.block ?? [],
    ...(optionsBlock ? { optionsBlock } : {}),
    sites,
    comments,
    problems,
    missingImports,
    emptyImports,
  };
}
