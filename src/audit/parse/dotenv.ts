import type { Source, Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

/** One `NAME=value` of a .env file, by Compose's rules. */
export interface DotenvEntry extends Span {
  readonly name: string;
  /** The text between the quotes, before interpolation. */
  readonly raw: string;
  readonly quote: "" | "'" | '"';
  readonly line: number;
  readonly valueSpan: Span;
}

export interface DotenvParse {
  readonly source: Source;
  readonly entries: readonly DotenvEntry[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
}

/** Parses a .env file as Compose does: single quotes are literal, everything else is interpolated later. */
export function parseDotenv(source: Source): DotenvParse {
  const { text } = source;
  const entries: DotenvEntry[] = [];
  const comments: Span[] = [];
  const problems: ParseProblem[] = [];
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  while (at < text.length) {
    const lineEnd = endOfLine(text, at);
    const line = text.slice(at, lineEnd);
    const trimmed = line.trim();
    const lead = at + (line.length - line.trimStart().length);
    if (trimmed === "") {
      at = lineEnd + 1;
      continue;
    }
    if (trimmed.startsWith("#")) {
      comments.push({ source, start: lead, end: lineEnd });
      at = lineEnd + 1;
      continue;
    }
    const match = /^(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*[=:]?[ \t]*/.exec(text.slice(lead, lineEnd));
    const hasSeparator = match
      ? /[=:]/.test(match[0].slice((match[0].match(/^(?:export\s+)?[A-Za-z0-9_.-]+/)?.[0] ?? "").length))
      : false;
    if (!match || (!hasSeparator && trimmed !== match[1])) {
      problems.push({
        span: { source, start: lead, end: lineEnd },
        message: `"${trimmed.slice(0, 40)}" is not NAME=value`,
      });
      at = lineEnd + 1;
      continue;
    }
    const valueStart = lead + match[0].length;
    const value = readValue(text, valueStart, lineEnd);
    if (!value.closed) {
      problems.push({
        span: { source, start: valueStart, end: lineEnd },
        message: `the quote of ${match[1]} is never closed`,
      });
    }
    entries.push({
      source,
      start: lead,
      end: value.end,
      name: match[1] ?? "",
      raw: value.raw,
      quote: value.quote,
      line: positionAt(source, lead).line,
      valueSpan: { source, start: valueStart, end: value.end },
    });
    at = endOfLine(text, value.end) + 1;
  }
  return { source, entries, comments, problems };
}

/** Values of a .env file after interpolation, as Compose hands them to containers and to `${…}` in the YAML. */
export function dotenvValues(parse: DotenvParse): Map<string, string> {
  const values = new Map<string, string>();
  for (const entry of parse.entries) {
    values.set(entry.name, entry.quote === "'" ? entry.raw : interpolate(entry.raw, (name) => values.get(name)).text);
  }
  return values;
}

/** Result of `${…}` substitution; `unset` names variables that had neither value nor default. */
export interface Interpolated {
  readonly text: string;
  readonly unset: readonly string[];
  readonly used: readonly string[];
  /** Variables replaced by a default because nothing set them. */
  readonly defaulted: readonly string[];
}

/** Compose interpolation: `$NAME`, `${NAME}`, `:-`, `-`, `:?`, `?`, `:+`, `+`, nested defaults, `$$`. */
export function interpolate(text: string, lookup: (name: string) => string | undefined, depth = 0): Interpolated {
  if (!text.includes("$")) return { text, unset: [], used: [], defaulted: [] };
  const unset: string[] = [];
  const used: string[] = [];
  const defaulted: string[] = [];
  let out = "";
  let at = 0;
  while (at < text.length) {
    const char = text[at] ?? "";
    if (char !== "$") {
      out += char;
      at += 1;
      continue;
    }
    if (text[at + 1] === "$") {
      out += "$";
      at += 2;
      continue;
    }
    const bare = /^[A-Za-z_][A-Za-z0-9_]*/.exec(text.slice(at + 1, at + 200));
    if (bare) {
      used.push(bare[0]);
      const value = lookup(bare[0]);
      if (value === undefined) unset.push(bare[0]);
      out += value ?? "";
      at += 1 + bare[0].length;
      continue;
    }
    const close = text[at + 1] === "{" ? closingBrace(text, at + 1) : -1;
    const inner = close === -1 ? undefined : /^([A-Za-z_][A-Za-z0-9_]*)(:?[-?+])?/.exec(text.slice(at + 2, close));
    if (close === -1 || !inner || depth > 20) {
      out += char;
      at += 1;
      continue;
    }
    const name = inner[1] ?? "";
    const operator = inner[2] ?? "";
    const word = text.slice(at + 2 + inner[0].length, close);
    used.push(name);
    const value = lookup(name);
    const isSet = operator.startsWith(":") ? value !== undefined && value !== "" : value !== undefined;
    if (operator.endsWith("+")) out += isSet ? interpolate(word, lookup, depth + 1).text : "";
    else if (isSet) out += value ?? "";
    else if (operator.endsWith("-")) {
      defaulted.push(name);
      out += interpolate(word, lookup, depth + 1).text;
    } else unset.push(name);
    at = close + 1;
  }
  return { text: out, unset, used, defaulted };
}

// ---

function readValue(
  text: string,
  start: number,
  lineEnd: number,
): { raw: string; quote: "" | "'" | '"'; end: number; closed: boolean } {
  const first = text[start];
  if (first === "'" || first === '"') {
    // A quoted value may go on over several lines.
    for (let at = start + 1; at < text.length; at += 1) {
      if (text[at] === "\\" && first === '"') at += 1;
      else if (text[at] === first) return { raw: text.slice(start + 1, at), quote: first, end: at + 1, closed: true };
    }
    return { raw: text.slice(start + 1, lineEnd), quote: first, end: lineEnd, closed: false };
  }
  const line = text.slice(start, lineEnd).replace(/\r$/, "");
  const comment = /(?:^|\s)#/.exec(line);
  const raw = (comment ? line.slice(0, comment.index) : line).trimEnd();
  return { raw, quote: "", end: start + raw.length, closed: true };
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return newline === -1 ? text.length : newline;
}

function closingBrace(text: string, open: number): number {
  let depth = 0;
  // A variable reference longer than this is a broken file, and scanning it again and again would be quadratic.
  const limit = Math.min(text.length, open + 4096);
  for (let at = open; at < limit; at += 1) {
    if (text[at] === "{") depth += 1;
    else if (text[at] === "}" && --depth === 0) return at;
  }
  return -1;
}
