import type { Source, Span } from "../source.ts";

/** One setting of an app of PM2. */
export interface Pm2Setting {
  /** Name and value. */
  readonly span: Span;
  readonly value: Span;
  /** The value without its quotes. */
  readonly text: string;
  /** A number, also as a product (`30 * 1000`); undefined for anything else. */
  readonly number: number | undefined;
}

/** The server's own entry in an ecosystem file of PM2. */
export interface Pm2App {
  /** Where findings about the whole app stand. */
  readonly span: Span;
  /** PM2 runs the supervisor, not the server itself. */
  readonly isSupervised: boolean;
  readonly setting: (name: string) => Pm2Setting | undefined;
}

/** Returns the app that runs the server; others beside it have settings of their own. Reads JavaScript, JSON and YAML by their brackets and lists. */
export function pm2App(source: Source): Pm2App | undefined {
  const isYaml = /\.ya?ml$/.test(source.path);
  const range = [...withoutComments(source.text, isYaml).matchAll(/gigastt/gi)]
    .map(({ index }) => (isYaml ? yamlItem(source.text, index) : enclosing(source.text, index)))
    .find(({ start, end }) => /["']?\b(?:script|name|args|exec)\b["']?\s*:/.test(source.text.slice(start, end)));
  if (range === undefined) return undefined;
  const text = source.text.slice(range.start, range.end);
  const at = (index: number, length: number): Span => ({
    source,
    start: range.start + index,
    end: range.start + index + length,
  });
  const named = /["']?\b(?:name|script)\b["']?\s*:/.exec(text);
  return {
    span: named ? at(named.index, named[0].length) : at(0, 1),
    isSupervised: /["'\s,[]up["'\s,\]]/.test(/\bargs["']?\s*:\s*(\[[^\]]*\]|[^\n]*)/.exec(text)?.[1] ?? ""),
    setting: (name) => {
      const match = new RegExp(
        `(["']?\\b${name}\\b["']?\\s*:\\s*)("[^"\\n]*"|'[^'\\n]*'|[\\w.]+(?:\\s*\\*\\s*[\\d_.]+)*)`,
      ).exec(text);
      if (match === null) return undefined;
      const [whole, head = "", raw = ""] = match;
      const plain = raw.replace(/^(["'])([^]*)\1$/, "$2");
      return {
        span: at(match.index, whole.length),
        value: at(match.index + head.length, raw.length),
        text: plain,
        number: product(plain),
      };
    },
  };
}

// ---

interface Range {
  readonly start: number;
  readonly end: number;
}

/** Comments become blanks of the same length. */
function withoutComments(text: string, isYaml: boolean): string {
  const blank = (found: string): string => found.replace(/[^\n]/g, " ");
  return isYaml
    ? text.replace(/(?<=^|\s)#[^\n]*/g, blank)
    : text.replace(/\/\*[^]*?\*\/|(?<![:"'\w])\/\/[^\n]*/g, blank);
}

/** The object around a place that is not the value of another one's key, such as `env`. */
function enclosing(text: string, index: number): Range {
  let range = bracesAround(text, index);
  while (range !== undefined && /:\s*$/.test(text.slice(Math.max(0, range.start - 60), range.start - 1))) {
    const outer = bracesAround(text, range.start - 1);
    if (outer === undefined) break;
    range = outer;
  }
  return range ?? { start: 0, end: text.length };
}

function bracesAround(text: string, index: number): Range | undefined {
  let depth = 0;
  let start = index - 1;
  for (; start >= 0; start -= 1) {
    if (text[start] === "}") depth += 1;
    else if (text[start] === "{" && depth > 0) depth -= 1;
    else if (text[start] === "{") break;
  }
  if (start < 0) return undefined;
  depth = 0;
  let end = start + 1;
  for (; end < text.length; end += 1) {
    if (text[end] === "{") depth += 1;
    else if (text[end] === "}" && depth > 0) depth -= 1;
    else if (text[end] === "}") break;
  }
  return { start: start + 1, end };
}

/** The item of the list of apps: from its dash to the next one of the same depth. */
function yamlItem(text: string, index: number): Range {
  const dashes = [...text.matchAll(/^([ \t]*)-[ \t]+\w+[ \t]*:/gm)];
  const before = dashes.filter((dash) => dash.index <= index);
  const depth = Math.min(...before.map(([, indent = ""]) => indent.length));
  const own = before.findLast(([, indent = ""]) => indent.length === depth);
  if (own === undefined) return { start: 0, end: text.length };
  const next = dashes.find((dash) => dash.index > own.index && (dash[1] ?? "").length <= depth);
  return { start: own.index, end: next?.index ?? text.length };
}

function product(text: string): number | undefined {
  const factors = text.split("*").map((part) => part.trim().replaceAll("_", ""));
  return factors.every((part) => /^\d+(?:\.\d+)?(?:e\d+)?$/.test(part))
    ? factors.reduce((all, part) => all * Number(part), 1)
    : undefined;
}
