import type { Source, Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

/** One `Key=value`; `span` covers the whole assignment with its continuation lines. */
export interface UnitEntry extends Span {
  readonly section: string;
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

export interface UnitParse {
  readonly source: Source;
  readonly entries: readonly UnitEntry[];
  readonly sections: readonly (Span & { readonly name: string })[];
  readonly comments: readonly Span[];
  readonly problems: readonly ParseProblem[];
}

/** Parses a systemd unit or drop-in: sections, repeated keys, `\` continuation, `#` and `;` comments. */
export function parseUnit(source: Source): UnitParse {
  const entries: UnitEntry[] = [];
  const sections: (Span & { name: string })[] = [];
  const comments: Span[] = [];
  const problems: ParseProblem[] = [];
  const { text } = source;
  let section = "";
  let at = text.startsWith("\uFEFF") ? 1 : 0;
  while (at < text.length) {
    const start = at;
    let end = endOfLine(text, at);
    const line = text.slice(start, end);
    const trimmed = line.trim();
    at = end + 1;
    if (trimmed === "") continue;
    if (/^[#;]/.test(trimmed)) {
      comments.push({ source, start: start + line.indexOf(trimmed), end });
      continue;
    }
    const lead = start + (line.length - line.trimStart().length);
    const header = /^\[([^\]]*)\]$/.exec(trimmed);
    if (header) {
      section = header[1] ?? "";
      sections.push({ source, start: lead, end: lead + trimmed.length, name: section });
      continue;
    }
    let value = "";
    let piece = line;
    // A continued line swallows the following one; comment lines in between are dropped.
    for (;;) {
      const body = piece.replace(/\r$/, "");
      if (!body.endsWith("\\")) {
        value += body;
        break;
      }
      value += `${body.slice(0, -1)} `;
      if (at >= text.length) break;
      let nextEnd = endOfLine(text, at);
      while (/^\s*[#;]/.test(text.slice(at, nextEnd)) && nextEnd < text.length) {
        comments.push({ source, start: at, end: nextEnd });
        at = nextEnd + 1;
        nextEnd = endOfLine(text, at);
      }
      piece = text.slice(at, nextEnd);
      end = nextEnd;
      at = nextEnd + 1;
    }
    const equals = value.indexOf("=");
    if (equals === -1) {
      problems.push({
        span: { source, start: lead, end },
        message: `"${trimmed.slice(0, 60)}" is neither a section nor Key=value`,
      });
      continue;
    }
    if (section === "") {
      problems.push({ span: { source, start: lead, end }, message: "an assignment stands before the first [Section]" });
    }
    entries.push({
      source,
      start: lead,
      end: end - (text[end - 1] === "\r" ? 1 : 0),
      section,
      key: value.slice(0, equals).trim(),
      value: value.slice(equals + 1).trim(),
      line: positionAt(source, lead).line,
    });
  }
  return { source, entries, sections, comments, problems };
}

function endOfLine(text: string, from: number): number {
  const newline = text.indexOf("\n", from);
  return newline === -1 ? text.length : newline;
}

/** Milliseconds of a systemd time span (`90`, `5min 20s`, `2h`); Infinity for `infinity`; undefined when it is not one. */
export function parseUnitTimeMs(value: string): number | undefined {
  if (value === "infinity") return Infinity;
  if (/^\d+(?:\.\d+)?$/.test(value)) return Number(value) * 1000;
  let total = 0;
  let rest = value.trim();
  if (rest === "") return undefined;
  while (rest !== "") {
    const match = /^(\d+(?:\.\d+)?)\s*([a-zµμ]+)\s*/i.exec(rest);
    const unit = match?.[2] === undefined ? undefined : UNIT_MS[match[2]];
    if (!match || unit === undefined) return undefined;
    total += Number(match[1]) * unit;
    rest = rest.slice(match[0].length);
  }
  return total;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  us: 0.001,
  usec: 0.001,
  µs: 0.001,
  ms: 1,
  msec: 1,
  s: 1000,
  sec: 1000,
  second: 1000,
  seconds: 1000,
  m: 60_000,
  min: 60_000,
  minute: 60_000,
  minutes: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
  hour: 3_600_000,
  hours: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  days: 86_400_000,
  w: 604_800_000,
  week: 604_800_000,
  weeks: 604_800_000,
};
