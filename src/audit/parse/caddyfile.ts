import type { Source, Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { ParseProblem } from "../types.ts";
import type { CaddyToken } from "./caddyfile-lexer.ts";
import { lexCaddyfile } from "./caddyfile-lexer.ts";

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
}

/** Answers the sources an `import` pattern names; undefined when nothing is there. */
export type ImportResolver = (from: Source, pattern: string) => readonly Source[] | undefined;

const MAX_DEPTH = 100;
const MAX_EXPANDED = 50_000;

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
  const lexed = lexCaddyfile(source, options.env ?? {});
  problems.push(...lexed.problems);
  comments.push(...lexed.comments);
  const state: ParseState = {
    problems,
    comments,
    missingImports,
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
  };
}

// ---

interface ParseState {
  readonly problems: ParseProblem[];
  readonly comments: Span[];
  readonly missingImports: Span[];
  readonly snippets: Map<string, readonly CaddyToken[]>;
  readonly budget: { left: number };
  readonly resolveImport: ImportResolver;
  readonly env: Readonly<Record<string, string | undefined>>;
}

interface Segment {
  readonly keys: readonly CaddyArg[];
  readonly directive: CaddyDirective;
  readonly span: Span;
}

/** Collects snippets, then expands every import in place. */
function expandTopLevel(tokens: readonly CaddyToken[], state: ParseState, trail: readonly string[]): CaddyToken[] {
  const rest: CaddyToken[] = [];
  let depth = 0;
  let i = 0;
  while (i < tokens.length) {
    const token = tokens[i];
    if (!token) break;
    if (depth === 0 && token.first && token.quote === "" && /^&?\(.+\)$/.test(token.value) && isOpen(tokens[i + 1])) {
      const close = matchingClose(tokens, i + 1);
      state.snippets.set(token.value.replace(/^&?\((.+)\)$/, "$1"), tokens.slice(i + 2, close));
      i = close + 1;
      continue;
    }
    if (isOpen(token)) depth += 1;
    if (isClose(token)) depth -= 1;
    rest.push(token);
    i += 1;
  }
  return expandImports(rest, state, trail, 0);
}

function expandImports(
  tokens: readonly CaddyToken[],
  state: ParseState,
  trail: readonly string[],
  depth: number,
): CaddyToken[] {
  const out: CaddyToken[] = [];
  for (let i = 0; i < tokens.length; i += 1) {
    const token = tokens[i];
    if (!token) break;
    if (!(token.first && token.quote === "" && token.value === "import")) {
      out.push(token);
      state.budget.left -= 1;
      if (state.budget.left < 0) return tooMuch(token, state, out);
      continue;
    }
    state.budget.left -= 10;
    if (state.budget.left < 0) return tooMuch(token, state, out);
    const args: CaddyToken[] = [];
    while (i + 1 < tokens.length && tokens[i + 1]?.first === false && !isOpen(tokens[i + 1])) {
      i += 1;
      args.push(tokens[i] as CaddyToken); // the loop condition has seen it
    }
    let block: readonly CaddyToken[] = [];
    if (isOpen(tokens[i + 1]) && tokens[i + 1]?.first === false) {
      const close = matchingClose(tokens, i + 1);
      block = tokens.slice(i + 2, close);
      i = close;
    }
    const pattern = args[0];
    if (!pattern) {
      state.problems.push({ span: token, message: "import needs a snippet name or a file" });
      continue;
    }
    for (const part of importedTokens(token, pattern, state)) {
      const name = part.name;
      if (trail.includes(name) || depth >= MAX_DEPTH) {
        state.problems.push({ span: pattern, message: `import of ${pattern.value} never ends: it imports itself` });
        continue;
      }
      const filled = substituteArgs(part.tokens, args.slice(1), block);
      const nested = part.isFile
        ? expandTopLevel(filled, state, [...trail, name])
        : expandImports(filled, state, [...trail, name], depth + 1);
      const first = nested[0];
      if (first) nested[0] = { ...first, first: true };
      out.push(...nested);
      if (state.budget.left < 0) return out;
    }
    // What follows an import starts a new line by itself: the lexer has marked it.
  }
  return out;
}

/** Ends an expansion that is out of proportion; reported once. */
function tooMuch(token: CaddyToken, state: ParseState, out: CaddyToken[]): CaddyToken[] {
  const message = "imports expand to more than 50000 tokens; the rest is not read";
  if (!state.problems.some((problem) => problem.message === message)) state.problems.push({ span: token, message });
  return out;
}

function importedTokens(
  at: CaddyToken,
  pattern: CaddyToken,
  state: ParseState,
): { name: string; tokens: readonly CaddyToken[]; isFile: boolean }[] {
  const snippet = state.snippets.get(pattern.value);
  if (snippet) return [{ name: `(${pattern.value})`, tokens: snippet, isFile: false }];
  const sources = state.resolveImport(at.source, pattern.value);
  if (!sources) {
    state.missingImports.push(pattern);
    return [];
  }
  return sources.map((source) => {
    const lexed = lexCaddyfile(source, state.env);
    state.problems.push(...lexed.problems);
    state.comments.push(...lexed.comments);
    return { name: source.path, tokens: lexed.tokens, isFile: true };
  });
}

function substituteArgs(
  tokens: readonly CaddyToken[],
  args: readonly CaddyToken[],
  block: readonly CaddyToken[],
): CaddyToken[] {
  const out: CaddyToken[] = [];
  for (const token of tokens) {
    if (token.quote === "" && token.value === "{block}") {
      out.push(...block);
      continue;
    }
    const all = /^\{args\[(\d*):(\d*)\]\}$/.exec(token.value);
    if (all && token.quote === "") {
      const from = all[1] ? Number(all[1]) : 0;
      const to = all[2] ? Number(all[2]) : args.length;
      for (const [i, arg] of args.slice(from, to).entries()) out.push({ ...arg, first: token.first && i === 0 });
      continue;
    }
    if (!token.value.includes("{args")) {
      out.push(token);
      continue;
    }
    const value = token.value.replace(/\{args(?:\.(\d+)|\[(\d+)\])\}/g, (whole, dot: string, bracket: string) => {
      const arg = args[Number(dot ?? bracket)];
      return arg ? arg.value : whole;
    });
    out.push({ ...token, value });
  }
  return out;
}

function readSegments(tokens: readonly CaddyToken[], state: ParseState): Segment[] {
  const segments: Segment[] = [];
  let i = 0;
  while (i < tokens.length) {
    const token = tokens[i];
    if (!token) break;
    if (isClose(token)) {
      state.problems.push({ span: token, message: 'unexpected "}": no block is open here' });
      i += 1;
      continue;
    }
    const keys: CaddyArg[] = [];
    const firstKey = token;
    // Addresses go on over lines after a comma, until "{" ends the line.
    let expectMore = true;
    while (i < tokens.length && !isOpen(tokens[i])) {
      const key = tokens[i] as CaddyToken; // the loop condition has seen it
      if (key.first && keys.length > 0 && !expectMore) break;
      if (isClose(key)) break;
      expectMore = key.quote === "" && key.value.endsWith(",");
      for (const value of key.value.split(",").filter((part) => part !== "")) keys.push({ ...asArg(key), value });
      i += 1;
    }
    const open = tokens[i];
    if (!open || !isOpen(open) || (open.first && keys.length > 0 && !expectMore)) {
      // A file with one site needs no braces: everything that follows belongs to it.
      const body = readDirectives(tokens, i, state, 0, true);
      const span = { source: firstKey.source, start: firstKey.start, end: tokens.at(-1)?.end ?? firstKey.end };
      if (keys.length > 0)
        segments.push({ keys, span, directive: directiveOf(firstKey, keys, span.end, body.directives) });
      i = Math.max(body.next, i + 1);
      continue;
    }
    const body = readDirectives(tokens, i + 1, state, 1, false);
    const end = body.close?.end ?? tokens.at(-1)?.end ?? open.end;
    if (!body.close) state.problems.push({ span: open, message: 'this block is never closed: "}" is missing' });
    const span = { source: firstKey.source, start: firstKey.start, end };
    segments.push({ keys, span, directive: directiveOf(firstKey, keys, end, body.directives, body.close?.start) });
    i = body.next;
  }
  return segments;
}

function readDirectives(
  tokens: readonly CaddyToken[],
  from: number,
  state: ParseState,
  depth: number,
  toEnd: boolean,
): { directives: CaddyDirective[]; next: number; close: CaddyToken | undefined } {
  const directives: CaddyDirective[] = [];
  let i = from;
  while (i < tokens.length) {
    const token = tokens[i] as CaddyToken; // i < length
    if (isClose(token)) {
      if (!toEnd) return { directives, next: i + 1, close: token };
      state.problems.push({ span: token, message: 'unexpected "}": no block is open here' });
      i += 1;
      continue;
    }
    const args: CaddyArg[] = [];
    let j = i + 1;
    while (j < tokens.length && tokens[j]?.first === false && !isOpen(tokens[j]) && !isClose(tokens[j])) {
      args.push(asArg(tokens[j] as CaddyToken)); // the loop condition has seen it
      j += 1;
    }
    const next = tokens[j];
    if (next && isOpen(next) && !next.first && depth < MAX_DEPTH) {
      const body = readDirectives(tokens, j + 1, state, depth + 1, false);
      const end = body.close?.end ?? tokens.at(-1)?.end ?? next.end;
      if (!body.close) state.problems.push({ span: next, message: 'this block is never closed: "}" is missing' });
      directives.push(directiveOf(token, args, end, body.directives, body.close?.start));
      i = body.next;
      continue;
    }
    directives.push(directiveOf(token, args, args.at(-1)?.end ?? token.end));
    // A "{" that cannot open a block here would loop for ever.
    i = next && isOpen(next) && !next.first ? j + 1 : Math.max(j, i + 1);
  }
  return { directives, next: i, close: undefined };
}

function directiveOf(
  name: CaddyToken,
  args: readonly CaddyArg[],
  end: number,
  block?: readonly CaddyDirective[],
  blockEnd?: number,
): CaddyDirective {
  const { line, column } = positionAt(name.source, name.start);
  // A block that came through an import can end in another file.
  const stop = end > name.start && end <= name.source.text.length ? end : name.end;
  return {
    source: name.source,
    start: name.start,
    end: stop,
    name: name.value,
    nameSpan: { source: name.source, start: name.start, end: name.end },
    line,
    column,
    endLine: positionAt(name.source, Math.max(name.start, stop - 1)).line,
    args,
    ...(block ? { block } : {}),
    ...(blockEnd === undefined ? {} : { blockEnd }),
  };
}

function asArg(token: CaddyToken): CaddyArg {
  return { source: token.source, start: token.start, end: token.end, value: token.value, quote: token.quote };
}

function isOpen(token: CaddyToken | undefined): boolean {
  return token?.quote === "" && token.value === "{";
}

function isClose(token: CaddyToken | undefined): boolean {
  return token?.quote === "" && token.value === "}";
}

/** Index of the `}` that closes the `{` at `open`; the end of the list when it is missing. */
function matchingClose(tokens: readonly CaddyToken[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i += 1) {
    if (isOpen(tokens[i])) depth += 1;
    else if (isClose(tokens[i]) && --depth === 0) return i;
  }
  return tokens.length;
}
