// Edits that keep comments and formatting.
import type { CaddyDirective } from "../../parse/caddyfile-tree.ts";
import type { NginxDirective } from "../../parse/nginx.ts";
import type { YamlNode } from "../../parse/yaml.ts";
import type { Edit } from "../../parts.ts";
import type { Source, Span } from "../../source.ts";
import { lineText, positionAt } from "../../source.ts";

export function replace(span: Span, text: string): Edit {
  return { span, text };
}

/** Removes the whole line(s) of a span when nothing else stands on them. */
export function removeLines(span: Span): Edit {
  const { source } = span;
  const first = positionAt(source, span.start).line;
  const last = positionAt(source, Math.max(span.start, span.end - 1)).line;
  const start = source.lineStarts[first - 1] ?? span.start;
  const end = source.lineStarts[last] ?? source.text.length;
  const around = source.text.slice(start, span.start) + source.text.slice(span.end, end);
  return /^[\s;]*(?:#.*)?\s*$/.test(around) ? { span: { source, start, end }, text: "" } : { span, text: "" };
}

/** Inserts a line before the line of an offset, with that line's indentation. */
export function insertLineBefore(source: Source, offset: number, text: string): Edit {
  const { line } = positionAt(source, offset);
  const start = source.lineStarts[line - 1] ?? 0;
  const indent = /^[ \t]*/.exec(lineText(source, line))?.[0] ?? "";
  // Something else before the offset on its line (`location / { proxy_pass …; }`): stay on the line.
  if (source.text.slice(start, offset).trim() !== "")
    return { span: { source, start: offset, end: offset }, text: `${text} ` };
  return { span: { source, start, end: start }, text: `${indent}${text}\n` };
}

/** Adds a directive next to another one of the same block. */
export function addNginx(beside: NginxDirective, text: string): Edit {
  return insertLineBefore(beside.source, beside.start, text);
}

/** Adds a subdirective to a Caddy block, opening one when there is none. */
export function addCaddy(directive: CaddyDirective, text: string): Edit {
  const { source } = directive;
  const { line } = positionAt(source, directive.start);
  const indent = /^[ \t]*/.exec(lineText(source, line))?.[0] ?? "";
  const step =
    indent === "" || indent.includes("\t") ? "\t" : indent.length >= 4 && indent.length % 4 === 0 ? "    " : "  ";
  if (directive.blockEnd !== undefined) {
    const { blockEnd } = directive;
    const closeStart = source.lineStarts[positionAt(source, blockEnd).line - 1] ?? blockEnd;
    if (source.text.slice(closeStart, blockEnd).trim() === "") {
      return { span: { source, start: closeStart, end: closeStart }, text: `${indent}${step}${text}\n` };
    }
    return { span: { source, start: blockEnd, end: blockEnd }, text: `\n${indent}${step}${text}\n${indent}` };
  }
  const end = Math.max(
    directive.nameSpan.end,
    ...directive.args.filter((arg) => arg.source === source).map((arg) => arg.end),
  );
  return { span: { source, start: end, end }, text: ` {\n${indent}${step}${text}\n${indent}}` };
}

/** Adds `key: value` to a YAML map, in its own style and indentation. `text` may span lines when the map is a block. */
export function addYaml(map: YamlNode, text: string): Edit | undefined {
  const { source } = map;
  const first = [...map.entries.values()].find(
    (entry) => entry.key.source === source && entry.key.start >= map.start && entry.key.end <= map.end,
  );
  if (source.text[map.start] === "{") {
    return text.includes("\n")
      ? undefined
      : { span: { source, start: map.start + 1, end: map.start + 1 }, text: first ? `${text}, ` : text };
  }
  if (!first) return undefined;
  const { column } = positionAt(source, first.key.start);
  const indent = " ".repeat(column - 1);
  return {
    span: { source, start: first.key.start, end: first.key.start },
    text: `${text.split("\n").join(`\n${indent}`)}\n${indent}`,
  };
}

/** Adds `Key=value` under a unit's section header. */
export function addUnit(header: Span, text: string): Edit {
  return { span: { source: header.source, start: header.end, end: header.end }, text: `\n${text}` };
}
