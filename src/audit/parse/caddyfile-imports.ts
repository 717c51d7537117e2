import type { ParseProblem } from "../parts.ts";
import type { Span } from "../source.ts";
import type { CaddyToken } from "./caddyfile-lexer.ts";
import { isClose, isOpen, lexCaddyfile, matchingClose } from "./caddyfile-lexer.ts";
import type { ImportResolver } from "./caddyfile-tree.ts";

/** Imports inside imports that are followed. */
const MAX_DEPTH = 100;
/** Tokens that all imports together may expand to. */
export const MAX_EXPANDED = 50_000;

/** What reading one Caddyfile collects on its way. */
export interface ParseState {
  readonly problems: ParseProblem[];
  readonly comments: Span[];
  readonly missingImports: Span[];
  readonly emptyImports: Span[];
  readonly snippets: Map<string, readonly CaddyToken[]>;
  readonly budget: { left: number };
  readonly resolveImport: ImportResolver;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Collects snippets, then expands every import in place. */
export function expandTopLevel(
  tokens: readonly CaddyToken[],
  state: ParseState,
  trail: readonly string[],
): CaddyToken[] {
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
  if (sources.length === 0) state.emptyImports.push(pattern);
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
