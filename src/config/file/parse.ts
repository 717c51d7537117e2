import {
  isAlias,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  Lexer,
  parseDocument,
  visit,
  CST,
  type Document,
  type Pair,
  type YAMLMap,
} from "yaml";
import { decode } from "./decode.ts";
import { formatKey, formatPlace, type Place, type Problem, type ProblemCode } from "../problems/problem.ts";
import { CLOSING, SYNTAX, SYNTAX_DEFAULT } from "./syntax-texts.ts";

/** A configuration file as raw values, with a way back to the place of each. */
export interface ParsedFile {
  /** undefined when the text cannot be understood; the problems say why. */
  readonly raw: unknown;
  readonly problems: readonly Problem[];
  /** The decoded text without byte order mark, for code frames. */
  readonly text: string;
  /** Place of a key or value; for a path that is not in the file, of its nearest parent. */
  readonly locate: (path: readonly string[], target: "key" | "value") => Place;
}

/** Reads YAML 1.2 with positions. Never throws for bad input. @param file name shown in problems */
export function parseConfigText(bytes: Uint8Array, file: string): ParsedFile {
  const problems: Problem[] = [];
  const seen = new Set<string>();
  const add = (
    code: ProblemCode,
    offset: number,
    length: number,
    rule: string,
    cure: string,
    key = "",
    found?: string,
  ): void => {
    // The library and our own look at the tree may both find the same thing.
    const place = placeAt(lines, text, file, offset, length);
    const id = `${formatPlace(place)} ${rule}`;
    if (seen.has(id)) return;
    seen.add(id);
    problems.push({
      severity: "error",
      code,
      place,
      key,
      rule,
      found,
      cure,
    });
  };
  const lines = new LineCounter();
  const decoded = decode(bytes);
  const text = decoded.text;
  for (let i = text.indexOf("\n"), start = 0; ; i = text.indexOf("\n", start)) {
    lines.addNewLine(start);
    if (i === -1) break;
    start = i + 1;
  }
  const nowhere = (): Place => placeAt(lines, text, file, 0, 1);
  if (decoded.problem !== undefined) {
    add("GST_CONFIG_FILE", decoded.offset, 1, decoded.problem, decoded.cure);
    return { raw: undefined, problems, text, locate: nowhere };
  }
  const tooDeep = depthProblem(text);
  if (tooDeep !== undefined) {
    add(
      "GST_CONFIG_SYNTAX",
      tooDeep,
      1,
      `must not nest deeper than ${MAX_DEPTH} levels`,
      "remove the extra brackets or dashes",
    );
    return { raw: undefined, problems, text, locate: nowhere };
  }
  const document = parseDocument(text, {
    prettyErrors: false,
    // The library compares every key with every other one of its map.
    uniqueKeys: false,
    strict: true,
    logLevel: "error",
    version: "1.2",
  });
  for (const error of document.errors) {
    const [offset] = error.pos;
    const opening = /closing .*quote|^Flow /.test(error.message) ? openingBefore(document, text, offset) : undefined;
    if (opening !== undefined) {
      const closing = CLOSING[text.charAt(opening)] ?? "";
      add("GST_CONFIG_SYNTAX", opening, 1, "is opened here and never closed", `add the closing ${closing}`);
    } else {
      // The library's own message is not shown: it may quote the text, and that may be half a secret.
      const { rule, cure } = SYNTAX[error.code] ?? SYNTAX_DEFAULT;
      add("GST_CONFIG_SYNTAX", offset, 1, rule, cure);
    }
    // What follows a break in the structure is noise.
    if (problems.length >= MAX_SYNTAX_PROBLEMS) break;
  }
  for (const { offset, path, firstOffset } of duplicates(document)) {
    const name = path.at(-1) ?? "";
    const { line } = lines.linePos(firstOffset);
    const rule = `is given twice, first on line ${line}`;
    add("GST_CONFIG_DUPLICATE_KEY", offset, name.length, rule, "delete one of them", formatKey(path));
  }
  for (const [offset, rule, cure] of unwanted(document)) {
    if (problems.length >= MAX_SYNTAX_PROBLEMS) break;
    add("GST_CONFIG_SYNTAX", offset, 1, rule, cure);
  }
  const pairs = new WeakMap<YAMLMap, ReadonlyMap<string, Pair>>();
  const fatal = problems.some((problem) => problem.code === "GST_CONFIG_SYNTAX");
  return {
    raw: fatal ? undefined : (document.toJS({ maxAliasCount: 0 }) as unknown), // typed any by the library
    problems,
    text,
    locate: (path, target) =>
      locate(document, pairs, path, target, (offset, length) => placeAt(lines, text, file, offset, length)),
  };
}

// --- structure

const MAX_DEPTH = 24;
const MAX_SYNTAX_PROBLEMS = 20;

/** Offset of the bracket, dash or question mark that nests too deep. */
function depthProblem(text: string): number | undefined {
  // Counted on the flat stream of tokens: the composer recurses and aborts the whole process on 200 000 brackets.
  // Indentation needs no bound, a file of this size has no room for more than some hundred levels of it.
  let offset = 0;
  let flow = 0;
  let onLine = 0;
  let isContent = false;
  for (const token of new Lexer().lex(text)) {
    const type: string | null | undefined = isContent ? undefined : CST.tokenType(token);
    isContent = type === "scalar";
    if (type === "flow-seq-start" || type === "flow-map-start") flow += 1;
    else if (type === "flow-seq-end" || type === "flow-map-end") flow -= 1;
    else if (type === "seq-item-ind" || type === "explicit-key-ind") onLine += 1;
    else if (type === "newline") onLine = 0;
    if (flow > MAX_DEPTH || onLine > MAX_DEPTH) return offset;
    // The lexer's own markers are not part of the text.
    if (!MARKERS.has(type ?? "")) offset += token.length;
  }
  return undefined;
}

const MARKERS: ReadonlySet<string> = new Set(["byte-order-mark", "doc-mode", "flow-error-end", "scalar"]);

/** YAML that is legal but has no use here, and mostly is a mistake or an attack. */
function unwanted(document: Document): (readonly [number, string, string])[] {
  const found: (readonly [number, string, string])[] = [];
  if (document.directives?.yaml.explicit === true) {
    found.push([0, "must be plain YAML 1.2 without a %YAML line", "delete that line"]);
  }
  visit(document, {
    Alias: (_, node) =>
      void found.push([
        offsetOf(node),
        "must not use aliases (*name)",
        "write the value out, or put the text in quotes",
      ]),
    Pair: (_, pair) => {
      if (isNode(pair.key) && !isScalar(pair.key)) {
        found.push([offsetOf(pair.key), "must have plain words as keys", "write `name: value`"]);
      } else if (isScalar(pair.key) && pair.key.value === "<<") {
        found.push([offsetOf(pair.key), "must not use merge keys (<<)", "write the values out"]);
      }
    },
    Node: (_, node) => {
      if (isAlias(node)) return;
      if (node.tag !== undefined && !node.tag.startsWith("tag:yaml.org,2002:")) {
        found.push([offsetOf(node), "must not use tags (!name)", "put the text in quotes"]);
      }
    },
  });
  return found;
}

/** Start of the quote or bracket that is still open at an offset. */
function openingBefore(document: Document, text: string, offset: number): number | undefined {
  let opening: number | undefined;
  visit(document, {
    Node: (_, node) => {
      const start = isAlias(node) ? 0 : offsetOf(node);
      const end = start + (isAlias(node) ? 0 : lengthOf(node));
      if (Object.hasOwn(CLOSING, text.charAt(start)) && start < offset && end >= offset) opening = start;
    },
  });
  return opening;
}

interface Duplicate {
  readonly offset: number;
  readonly path: readonly string[];
  readonly firstOffset: number;
}

function duplicates(document: Document): readonly Duplicate[] {
  const found: Duplicate[] = [];
  visit(document, {
    Map: (_, map, ancestors) => {
      const parents = ancestors.flatMap((node) => (isPair(node) && isScalar(node.key) ? [String(node.key.value)] : []));
      const offsets = new Map<string, number>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        const name = String(key.value);
        const firstOffset = offsets.get(name);
        if (firstOffset === undefined) offsets.set(name, offsetOf(key));
        else found.push({ offset: offsetOf(key), path: [...parents, name], firstOffset });
      }
    },
  });
  return found;
}

// --- places

function locate(
  document: Document,
  known: WeakMap<YAMLMap, ReadonlyMap<string, Pair>>,
  path: readonly string[],
  target: "key" | "value",
  at: (offset: number, length: number) => Place,
): Place {
  let node: unknown = document.contents;
  let key: unknown;
  for (const name of path) {
    if (isMap(node)) {
      let pairs = known.get(node);
      if (pairs === undefined) known.set(node, (pairs = pairsByName(node)));
      const pair = pairs.get(name);
      if (pair === undefined) break;
      key = pair.key;
      node = pair.value;
    } else if (isSeq(node)) {
      const item = node.items[Number(name)];
      if (item === undefined) break;
      key = undefined;
      node = item;
    } else break;
  }
  const valueHasText = isNode(node) && lengthOf(node) > 0;
  const chosen = (target === "key" || !valueHasText) && isNode(key) ? key : node;
  return isNode(chosen) ? at(offsetOf(chosen), lengthOf(chosen)) : at(0, 1);
}

/** The last one of a name wins in YAML, and it is the one whose value is checked. */
function pairsByName(map: YAMLMap): ReadonlyMap<string, Pair> {
  return new Map(map.items.flatMap((pair) => (isScalar(pair.key) ? [[String(pair.key.value), pair]] : [])));
}

function placeAt(lines: LineCounter, text: string, file: string, offset: number, length: number): Place {
  const { line, col } = lines.linePos(offset);
  const end = text.indexOf("\n", offset);
  return {
    kind: "file",
    file,
    line,
    col,
    length: Math.max(1, Math.min(length, (end === -1 ? text.length : end) - offset)),
  };
}

function lengthOf(node: { range?: readonly [number, number, number] | null }): number {
  return node.range ? node.range[1] - node.range[0] : 0;
}

function offsetOf(node: { range?: readonly [number, number, number] | null }): number {
  return node.range?.[0] ?? 0;
}
