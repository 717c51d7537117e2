import type { ParseProblem } from "../parts.ts";
import type { Source, Span } from "../source.ts";

/** One word of a line; `value` is without its quotes. */
export interface Word extends Span {
  readonly value: string;
}

/** A directive: a name with its arguments, and what stands inside it. Covers its own line only. */
export interface Directive extends Span {
  readonly name: string;
  readonly args: readonly Word[];
  readonly block: readonly Directive[];
}

export interface DirectiveFile {
  readonly source: Source;
  readonly directives: readonly Directive[];
  readonly problems: readonly ParseProblem[];
}

const HAPROXY_SECTION =
  /^(?:global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|program|http-errors|ring|cache|crt-store|log-profile|fcgi-app)$/;

/** Parses haproxy.cfg: a section is a directive whose block is the lines up to the next section. */
export function parseHaproxy(source: Source): DirectiveFile {
  const sections: (Directive & { readonly block: Directive[] })[] = [];
  const problems: ParseProblem[] = [];
  for (const { words, ...line } of linesOf(source, true)) {
    const [first, ...args] = words;
    if (first === undefined) continue;
    const directive = { ...line, name: first.value.toLowerCase(), args, block: [] };
    if (HAPROXY_SECTION.test(first.value)) sections.push(directive);
    else if (sections.length > 0) sections.at(-1)?.block.push(directive);
    else if (!first.value.startsWith("."))
      problems.push({ span: line, message: `${first.value} stands in no section` });
  }
  return { source, directives: sections, problems };
}

/** Parses an Apache file: `<Section argument>` opens a block that `</Section>` closes. */
export function parseApache(source: Source): DirectiveFile {
  const directives: Directive[] = [];
  const problems: ParseProblem[] = [];
  const open: { readonly name: string; readonly block: Directive[] }[] = [];
  for (const { words, ...line } of linesOf(source, false)) {
    const [first, ...rest] = words;
    if (first === undefined) continue;
    const into = open.at(-1)?.block ?? directives;
    const closes = /^<\/(\w+)>?$/.exec(first.value)?.[1];
    if (closes !== undefined) {
      if (open.pop()?.name !== closes.toLowerCase())
        problems.push({ span: line, message: `</${closes}> closes nothing that is open` });
      continue;
    }
    const opens = /^<(\w+)>?$/.exec(first.value)?.[1];
    // The bracket that closes the line belongs to no argument.
    const args = rest
      .map((word) => (opens === undefined ? word : { ...word, value: word.value.replace(/>$/, "") }))
      .filter(({ value }) => value !== "");
    const block: Directive[] = [];
    const name = (opens ?? first.value).toLowerCase();
    into.push({ ...line, name, args, block });
    if (opens !== undefined) open.push({ name, block });
  }
  for (const { name } of open)
    problems.push({
      span: { source, start: Math.max(0, source.text.length - 1), end: source.text.length },
      message: `<${name}> is never closed`,
    });
  return { source, directives, problems };
}

/** Every directive of a tree with the blocks around it, outermost first. */
export function* walkDirectives(
  list: readonly Directive[],
  around: readonly Directive[] = [],
): Generator<{ readonly directive: Directive; readonly around: readonly Directive[] }> {
  for (const directive of list) {
    yield { directive, around };
    yield* walkDirectives(directive.block, [...around, directive]);
  }
}

// ---

/** The lines with their words. A backslash at the end continues a line; `#` starts a comment, in HAProxy also behind words. */
function* linesOf(source: Source, commentsAnywhere: boolean): Generator<Span & { readonly words: readonly Word[] }> {
  const { text } = source;
  const pattern = /[^\S\n]+|\\\n|(\n)|(#[^\n]*)|((?:"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\\[^\n]|[^\s"'\\#]|["'#\\])+)/g;
  let words: Word[] = [];
  for (let match = pattern.exec(text); match; match = pattern.exec(text)) {
    const [, newline, comment, word] = match;
    if (newline !== undefined) {
      yield* lineOf(source, words);
      words = [];
    } else if (comment !== undefined && (commentsAnywhere || words.length === 0)) continue;
    else if (word !== undefined || comment !== undefined) {
      const raw = word ?? comment ?? "";
      const value = raw.replace(/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g, (_, double, single, escaped) =>
        String(double ?? single ?? escaped).replace(/\\(.)/g, "$1"),
      );
      words.push({ source, start: match.index, end: match.index + raw.length, value });
    }
  }
  yield* lineOf(source, words);
}

function* lineOf(source: Source, words: readonly Word[]): Generator<Span & { readonly words: readonly Word[] }> {
  const [first] = words;
  if (first !== undefined) yield { source, start: first.start, end: words.at(-1)?.end ?? first.end, words };
}
