import type { Source, Span } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

/** One token. Offsets are of the raw text, quotes included. */
export interface CaddyToken extends Span {
  readonly value: string;
  /** Empty for bare words, else the quote character or `<<` for a heredoc. */
  readonly quote: string;
  /** First token of its (logical) line. */
  readonly first: boolean;
}

/** Splits a Caddyfile into tokens: quotes, backticks, heredocs, `\` continuation, comments, `{$ENV:default}`. */
export function lexCaddyfile(
  source: Source,
  env: Readonly<Record<string, string | undefined>>,
): {
  readonly tokens: readonly CaddyToken[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
} {
  const { text } = source;
  const tokens: CaddyToken[] = [];
  const comments: Span[] = [];
  const problems: ParseProblem[] = [];
  let first = true;
  let at = text.startsWith("\uFEFF") ? 1 : 0;

  const push = (start: number, end: number, value: string, quote: string): void => {
    const expanded = replaceEnv(value, env);
    // An unset variable without a default leaves nothing, and an empty bare token does not exist for Caddy.
    if (quote === "" && expanded === "" && value !== "") return;
    tokens.push({ source, start, end, value: expanded, quote, first });
    first = false;
  };

  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === "\n") {
      first = true;
      at += 1;
    } else if (/\s/.test(char)) {
      at += 1;
    } else if (char === "\\" && /^\\\r?\n/.test(text.slice(at, at + 3))) {
      at = text.indexOf("\n", at) + 1;
    } else if (char === "#") {
      const stop = text.indexOf("\n", at);
      const end = stop === -1 ? text.length : stop;
      comments.push({ source, start: at, end });
      at = end;
    } else if (char === '"' || char === "`") {
      const read = readQuoted(text, at, char);
      if (!read.closed) {
        problems.push({
          span: { source, start: at, end: at + 1 },
          message: `the string opened by ${char} is never closed`,
        });
      }
      push(at, read.end, read.value, char);
      at = read.end;
    } else if (text.startsWith("<<", at) && /^<<[A-Za-z0-9_-]+\r?\n/.test(text.slice(at, at + 80))) {
      const read = readHeredoc(text, at);
      if (!read.closed) {
        problems.push({ span: { source, start: at, end: at + 2 }, message: "the heredoc has no closing marker" });
      }
      push(at, read.end, read.value, "<<");
      at = read.end;
    } else {
      const start = at;
      while (at < text.length && !/\s/.test(text[at] ?? " ")) {
        // A backslash before a newline ends the word; before anything else it belongs to it.
        if (text[at] === "\\" && /^\\\r?\n/.test(text.slice(at, at + 3))) break;
        at += 1;
      }
      push(start, at, text.slice(start, at), "");
    }
  }
  return { tokens, comments, problems };
}

// ---

function readQuoted(text: string, start: number, quote: string): { value: string; end: number; closed: boolean } {
  let value = "";
  let at = start + 1;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char === quote) return { value, end: at + 1, closed: true };
    if (char === "\\" && quote === '"' && text[at + 1] === '"') {
      value += '"';
      at += 2;
      continue;
    }
    value += char;
    at += 1;
  }
  return { value, end: text.length, closed: false };
}

/** `<<MARKER` … `MARKER`: the closing marker's indentation is removed from every line. */
function readHeredoc(text: string, start: number): { value: string; end: number; closed: boolean } {
  const head = /^<<([A-Za-z0-9_-]+)\r?\n/.exec(text.slice(start, start + 80));
  const marker = head?.[1] ?? "";
  const bodyStart = start + (head?.[0].length ?? 2);
  let lineStart = bodyStart;
  while (lineStart <= text.length) {
    const newline = text.indexOf("\n", lineStart);
    const lineEnd = newline === -1 ? text.length : newline;
    const line = text.slice(lineStart, lineEnd).replace(/\r$/, "");
    const trimmed = line.trimStart();
    // As in Caddy the marker ends the heredoc wherever the line starts with it, and more words may follow.
    if (trimmed === marker || trimmed.startsWith(`${marker} `) || trimmed.startsWith(`${marker}\t`)) {
      const indent = line.slice(0, line.length - trimmed.length);
      const body = text.slice(bodyStart, Math.max(bodyStart, lineStart - 1));
      const value = body
        .split("\n")
        .map((part) => (part.startsWith(indent) ? part.slice(indent.length) : part).replace(/\r$/, ""))
        .join("\n");
      return { value, end: lineStart + indent.length + marker.length, closed: true };
    }
    if (newline === -1) break;
    lineStart = newline + 1;
  }
  return { value: text.slice(bodyStart), end: text.length, closed: false };
}

/** `{$NAME}` and `{$NAME:default}` (no brace in it: a row of open ones would be scanned again and again) are replaced before anything else is read. Unknown names keep their text. */
function replaceEnv(value: string, env: Readonly<Record<string, string | undefined>>): string {
  if (!value.includes("{$")) return value;
  return value.replace(/\{\$([A-Za-z_][A-Za-z0-9_]*)(?::([^{}]*))?\}/g, (whole, name: string, fallback?: string) => {
    return env[name] ?? fallback ?? whole;
  });
}

/** A `{` that is not quoted. */
export function isOpen(token: CaddyToken | undefined): boolean {
  return token?.quote === "" && token.value === "{";
}

/** A `}` that is not quoted. */
export function isClose(token: CaddyToken | undefined): boolean {
  return token?.quote === "" && token.value === "}";
}

/** Index of the `}` that closes the `{` at `open`; the end of the list when it is missing. */
export function matchingClose(tokens: readonly CaddyToken[], open: number): number {
  let depth = 0;
  for (let i = open; i < tokens.length; i += 1) {
    if (isOpen(tokens[i])) depth += 1;
    else if (isClose(tokens[i]) && --depth === 0) return i;
  }
  return tokens.length;
}
