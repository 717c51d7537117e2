import type { Source, Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

/** One argument; `value` has quotes removed and escapes resolved as nginx does. */
export interface NginxArg extends Span {
  readonly value: string;
  readonly quoted: boolean;
}

/** One directive. crossplane's model with exact positions: `line` and `column` of the name, `endLine` of its `;` or `}`. */
export interface NginxDirective extends Span {
  readonly directive: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly args: readonly NginxArg[];
  readonly block?: readonly NginxDirective[];
  /** Offset of the `}` that closes the block. */
  readonly blockEnd?: number;
}

export interface NginxParse {
  readonly directives: readonly NginxDirective[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
}

/** One file of an `nginx -T` dump: its name and where its text starts and ends. */
export interface NginxDumpPart {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

interface Token extends NginxArg {
  readonly kind: "word" | "{" | "}" | ";";
}

const MAX_DEPTH = 200;

/** Parses nginx configuration text between two offsets. Never throws; a broken file gives problems and what could be read. */
export function parseNginx(source: Source, range: { readonly start?: number; readonly end?: number } = {}): NginxParse {
  const lexer = createLexer(source, range.start ?? 0, range.end ?? source.text.length);
  const problems: ParseProblem[] = [];
  const directives = parseBlock(source, lexer, problems, 0).directives;
  return { directives, comments: lexer.comments, problems: [...lexer.problems, ...problems] };
}

/** The parts of an `nginx -T` dump in order; undefined when the text is not one. */
export function splitNginxDump(text: string): readonly NginxDumpPart[] | undefined {
  const marks = [...text.matchAll(/^# configuration file (.+):$/gm)];
  if (marks.length === 0) return undefined;
  return marks.map((mark, i) => ({
    name: mark[1] ?? "",
    start: mark.index + mark[0].length,
    end: marks[i + 1]?.index ?? text.length,
  }));
}

// ---

interface Lexer {
  next(): Token | undefined;
  /** Skips an opaque block (lua code) whose `{` was just read; returns the offset of its `}`. */
  skipOpaque(): number;
  readonly comments: Span[];
  readonly problems: ParseProblem[];
  readonly end: number;
}

function parseBlock(
  source: Source,
  lexer: Lexer,
  problems: ParseProblem[],
  depth: number,
): { directives: NginxDirective[]; close: Token | undefined } {
  const directives: NginxDirective[] = [];
  for (;;) {
    const first = lexer.next();
    if (!first) return { directives, close: undefined };
    if (first.kind === "}") {
      if (depth > 0) return { directives, close: first };
      problems.push({ span: first, message: 'unexpected "}": no block is open here' });
      continue;
    }
    if (first.kind === ";") {
      problems.push({ span: first, message: 'unexpected ";": there is no directive before it' });
      continue;
    }
    if (first.kind === "{") {
      problems.push({ span: first, message: 'unexpected "{": a block needs a name' });
      // Its content is read as if the block were not there; the spare "}" is taken along.
      if (depth >= MAX_DEPTH) continue;
      const inner = parseBlock(source, lexer, problems, depth + 1);
      directives.push(...inner.directives);
      if (!inner.close) return { directives, close: undefined };
      continue;
    }
    const args: NginxArg[] = [];
    let last: Token | undefined = lexer.next();
    while (last?.kind === "word") {
      args.push(last);
      last = lexer.next();
    }
    const swallowed = args.findIndex((item, i) => startsDirective(source, args[i - 1] ?? first, item));
    if (swallowed !== -1) {
      problems.push({
        span: first,
        message: `directive "${first.value}" is not terminated by ";" before line ${positionAt(source, args[swallowed]?.start ?? 0).line}`,
      });
    }
    if (!last || last.kind === "}") {
      problems.push({
        span: first,
        message: `directive "${first.value}" is not terminated by ";" before ${last ? '"}"' : "the end of the file"}`,
      });
      const end = args.at(-1)?.end ?? first.end;
      directives.push(makeDirective(source, first, args, end));
      if (last && depth > 0) return { directives, close: last };
      if (!last) return { directives, close: undefined };
      continue;
    }
    if (last.kind === ";") {
      directives.push(makeDirective(source, first, args, last.end));
      continue;
    }
    directives.push(readBlock(source, lexer, problems, depth, first, args, last));
  }
}

/** Names that begin a directive and make no sense as an argument: one at the start of a line means that a ";" is missing before it. */
const DIRECTIVE_NAMES =
  /^(?:listen|server_name|server_tokens|location|upstream|map|root|index|include|return|proxy_[a-z_]+|add_header|ssl_[a-z_]+|client_[a-z_]+|limit_(?:req|conn)[a-z_]*|auth_[a-z_]+|access_log|error_log|keepalive_timeout|gzip_[a-z_]+|sendfile)$/;

function startsDirective(source: Source, before: Span, argument: NginxArg): boolean {
  return (
    !argument.quoted &&
    DIRECTIVE_NAMES.test(argument.value) &&
    source.text.slice(before.end, argument.start).includes("\n")
  );
}

function readBlock(
  source: Source,
  lexer: Lexer,
  problems: ParseProblem[],
  depth: number,
  first: Token,
  args: NginxArg[],
  open: Token,
): NginxDirective {
  if (/_by_lua_block$|^(?:js_inline|perl_block)$/.test(first.value)) {
    const end = lexer.skipOpaque();
    return makeDirective(source, first, args, end + 1, [], end);
  }
  if (depth >= MAX_DEPTH) {
    problems.push({ span: open, message: `blocks are nested deeper than ${MAX_DEPTH} levels; the rest is not read` });
    let level = 1;
    for (let token = lexer.next(); token; token = lexer.next()) {
      if (token.kind === "{") level += 1;
      if (token.kind === "}" && --level === 0) return makeDirective(source, first, args, token.end, [], token.start);
    }
    return makeDirective(source, first, args, lexer.end, [], lexer.end);
  }
  const inner = parseBlock(source, lexer, problems, depth + 1);
  if (!inner.close) {
    problems.push({ span: first, message: `block "${first.value}" is never closed: "}" is missing` });
    return makeDirective(source, first, args, lexer.end, inner.directives, lexer.end);
  }
  return makeDirective(source, first, args, inner.close.end, inner.directives, inner.close.start);
}

function makeDirective(
  source: Source,
  name: Token,
  args: NginxArg[],
  end: number,
  block?: NginxDirective[],
  blockEnd?: number,
): NginxDirective {
  const { line, column } = positionAt(source, name.start);
  const base = {
    source,
    start: name.start,
    end,
    directive: name.value,
    line,
    column,
    endLine: positionAt(source, Math.max(name.start, end - 1)).line,
    args: name.value === "if" ? withoutParens(args) : args,
  };
  return block ? { ...base, block, blockEnd: blockEnd ?? end } : base;
}

/** `if ($a = b)` keeps its parentheses in the tokens; drop them as crossplane does. */
function withoutParens(args: NginxArg[]): NginxArg[] {
  const first = args[0];
  const last = args.at(-1);
  if (!first?.value.startsWith("(") || !last?.value.endsWith(")")) return args;
  const stripped = args.map((arg, i) => {
    let value = arg.value;
    let { start, end } = arg;
    if (i === 0) {
      value = value.slice(1);
      start += 1;
    }
    if (i === args.length - 1) {
      value = value.slice(0, -1);
      end -= 1;
    }
    return { ...arg, value, start, end };
  });
  return stripped.filter((arg) => arg.value !== "");
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "'": "'",
  "\\": "\\",
  t: "\t",
  r: "\r",
  n: "\n",
};

/** nginx removes the backslash only before quotes, itself and t r n; everywhere else it stays (regexes rely on it). */
function unescape(raw: string): string {
  return raw.includes("\\") ? raw.replace(/\\(["'\\trn])/g, (_, char: string) => ESCAPES[char] ?? char) : raw;
}

function createLexer(source: Source, from: number, end: number): Lexer {
  const text = source.text;
  const comments: Span[] = [];
  const problems: ParseProblem[] = [];
  let at = from;

  const token = (kind: Token["kind"], start: number, stop: number, value: string, quoted: boolean): Token => ({
    kind,
    source,
    start,
    end: stop,
    value,
    quoted,
  });

  const readQuoted = (quote: string): Token => {
    const start = at;
    at += 1;
    while (at < end && text[at] !== quote) at += text[at] === "\\" ? 2 : 1;
    if (at >= end) {
      problems.push({
        span: { source, start, end: start + 1 },
        message: `the string opened by ${quote} is never closed`,
      });
      at = end;
      return token("word", start, end, unescape(text.slice(start + 1, end)), true);
    }
    at += 1;
    return token("word", start, at, unescape(text.slice(start + 1, at - 1)), true);
  };

  const readWord = (): Token => {
    const start = at;
    while (at < end) {
      const char = text[at] ?? "";
      if (char === "\\") {
        at += 2;
        continue;
      }
      if (char === "$" && text[at + 1] === "{") {
        // ${name}: braces belong to the word.
        at += 2;
        while (at < end && !/[\s}]/.test(text[at] ?? " ")) at += 1;
        if (text[at] === "}") at += 1;
        continue;
      }
      if (/\s/.test(char) || char === ";" || char === "{" || char === "}") break;
      at += 1;
    }
    at = Math.min(at, end);
    return token("word", start, at, unescape(text.slice(start, at)), false);
  };

  return {
    comments,
    problems,
    end,
    next() {
      while (at < end) {
        const char = text[at] ?? "";
        if (/\s/.test(char) || char === "\uFEFF") {
          at += 1;
        } else if (char === "#") {
          const stop = text.indexOf("\n", at);
          const to = stop === -1 || stop > end ? end : stop;
          comments.push({ source, start: at, end: to });
          at = to;
        } else if (char === ";" || char === "{" || char === "}") {
          at += 1;
          return token(char, at - 1, at, char, false);
        } else if (char === '"' || char === "'") {
          return readQuoted(char);
        } else {
          return readWord();
        }
      }
      return undefined;
    },
    skipOpaque() {
      const close = findLuaEnd(text, at, end);
      if (close === -1) {
        problems.push({ span: { source, start: at, end: at }, message: "the code block is never closed" });
        at = end;
        return end;
      }
      at = close + 1;
      return close;
    },
  };
}

/** Offset of the `}` that ends a lua block: braces in strings, comments and long brackets do not count. */
function findLuaEnd(text: string, from: number, end: number): number {
  let depth = 1;
  let at = from;
  while (at < end) {
    const char = text[at];
    if (char === '"' || char === "'") {
      at += 1;
      while (at < end && text[at] !== char && text[at] !== "\n") at += text[at] === "\\" ? 2 : 1;
    } else if (char === "-" && text[at + 1] === "-") {
      const long = longBracketEnd(text, at + 2);
      const line = text.indexOf("\n", at);
      at = long === -1 ? (line === -1 ? end : line) : long - 1;
    } else if (char === "[" && (text[at + 1] === "[" || text[at + 1] === "=")) {
      const long = longBracketEnd(text, at);
      if (long !== -1) at = long - 1;
    } else if (char === "{") depth += 1;
    else if (char === "}" && --depth === 0) return at;
    at += 1;
  }
  return -1;
}

/** End of a lua long bracket (`[[…]]`, `[==[…]==]`) that starts at `at`; -1 when there is none. */
function longBracketEnd(text: string, at: number): number {
  if (text[at] !== "[") return -1;
  let level = 0;
  while (text[at + 1 + level] === "=") level += 1;
  if (text[at + 1 + level] !== "[") return -1;
  const close = text.indexOf(`]${"=".repeat(level)}]`, at + 2 + level);
  return close === -1 ? -1 : close + level + 2;
}
