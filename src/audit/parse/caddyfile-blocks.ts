import type { ParseProblem } from "../parts.ts";
import type { Span } from "../source.ts";
import { positionAt } from "../source.ts";
import type { CaddyToken } from "./caddyfile-lexer.ts";
import { isClose, isOpen } from "./caddyfile-lexer.ts";
import type { CaddyArg, CaddyDirective } from "./caddyfile-tree.ts";

const MAX_DEPTH = 100;

interface Problems {
  readonly problems: ParseProblem[];
}

/** A block of the top level: its addresses, or none for the global options. */
export interface Segment {
  readonly keys: readonly CaddyArg[];
  readonly directive: CaddyDirective;
  readonly span: Span;
}

/** Reads expanded tokens as blocks of the top level. Broken ones become problems and what could be read. */
export function readSegments(tokens: readonly CaddyToken[], state: Problems): Segment[] {
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
  state: Problems,
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
    // A "{" that cannot open a block here would loop without end.
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
