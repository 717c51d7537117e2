// The one audit file that imports `yaml`: everything else sees YamlNode, a tree with positions.
import { isAlias, isMap, isScalar, isSeq, LineCounter, parseAllDocuments } from "yaml";
import type { Source, Span } from "../source.ts";
import type { ParseProblem } from "../parts.ts";

/** A YAML or JSON value and where it stands. Anchors are followed: an alias gives the node it points to. */
export interface YamlNode extends Span {
  readonly kind: "map" | "seq" | "scalar";
  /** Scalars only. */
  readonly value: string | number | boolean | null;
  /** Scalars: the text as written without quotes, so `1.20` stays `1.20`. */
  readonly text: string;
  readonly quoted: boolean;
  readonly entries: ReadonlyMap<string, YamlEntry>;
  readonly items: readonly YamlNode[];
  /** Custom tag such as `!reset`. */
  readonly tag: string | undefined;
}

export interface YamlEntry {
  readonly key: Span & { readonly text: string };
  readonly value: YamlNode;
}

export interface YamlParse {
  readonly source: Source;
  readonly documents: readonly YamlNode[];
  readonly problems: readonly ParseProblem[];
}

const NO_ENTRIES: ReadonlyMap<string, YamlEntry> = new Map();
const MAX_DEPTH = 200;

/** Several models read one file: a source never changes, so it is parsed once. */
const parsedSources = new WeakMap<Source, YamlParse>();

/** Parses a YAML stream (JSON is YAML too). Never throws: what is broken comes back as problems. */
export function parseYaml(source: Source): YamlParse {
  const known = parsedSources.get(source);
  if (known) return known;
  const parsed = parseStream(source);
  parsedSources.set(source, parsed);
  return parsed;
}

function parseStream(source: Source): YamlParse {
  const problems: ParseProblem[] = [];
  const documents: YamlNode[] = [];
  const depth = bracketDepth(source.text);
  if (depth > MAX_DEPTH) {
    problems.push({
      span: { source, start: 0, end: 1 },
      message: `values are nested ${depth} levels deep, more than the ${MAX_DEPTH} that are read`,
    });
    return { source, documents, problems };
  }
  try {
    const parsed = parseAllDocuments(source.text, {
      lineCounter: new LineCounter(),
      uniqueKeys: false,
      strict: false,
      logLevel: "silent",
      merge: true,
      stringKeys: false,
    });
    for (const document of parsed) {
      for (const error of document.errors) {
        problems.push({
          span: { source, start: error.pos[0], end: Math.max(error.pos[0] + 1, error.pos[1]) },
          message: (error.message.split("\n")[0] ?? "").replace(/ at line \d+, column \d+:?$/, ""),
        });
      }
      const state: Convert = { source, anchors: new Map(), active: new Set() };
      const node = convert(document.contents, state, 0);
      if (node) documents.push(node);
    }
  } catch (error) {
    // Deep nesting overflows the library's stack; that is a broken input, not a bug of the caller's file.
    problems.push({
      span: { source, start: 0, end: 1 },
      message: `the YAML cannot be read: ${error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error)}`,
    });
  }
  return { source, documents, problems };
}

/** The value below a path of keys and indexes. */
export function yamlAt(node: YamlNode | undefined, ...path: readonly (string | number)[]): YamlNode | undefined {
  let current = node;
  for (const step of path) {
    current = typeof step === "number" ? current?.items[step] : current?.entries.get(step)?.value;
  }
  return current;
}

/** The key of a map entry as a span; falls back to the map itself. */
export function yamlKey(node: YamlNode | undefined, key: string): Span | undefined {
  return node?.entries.get(key)?.key ?? undefined;
}

/** Key and value of a map entry as one span. */
export function yamlEntrySpan(node: YamlNode | undefined, key: string): Span | undefined {
  const entry = node?.entries.get(key);
  if (!entry) return undefined;
  const { key: keySpan, value } = entry;
  return value.source === keySpan.source && value.end > keySpan.start && value.start >= keySpan.start
    ? { source: keySpan.source, start: keySpan.start, end: value.end }
    : keySpan;
}

/** Text of a scalar; undefined for null, maps and lists. */
export function yamlText(node: YamlNode | undefined): string | undefined {
  return node?.kind === "scalar" && node.value !== null ? String(node.quoted ? node.value : node.text) : undefined;
}

export function yamlNumber(node: YamlNode | undefined): number | undefined {
  if (node?.kind !== "scalar") return undefined;
  const value = typeof node.value === "number" ? node.value : Number(node.text.trim() === "" ? Number.NaN : node.text);
  return Number.isFinite(value) ? value : undefined;
}

export function yamlBoolean(node: YamlNode | undefined): boolean | undefined {
  if (node?.kind !== "scalar") return undefined;
  if (typeof node.value === "boolean") return node.value;
  if (/^(?:true|yes|on)$/i.test(node.text)) return true;
  return /^(?:false|no|off)$/i.test(node.text) ? false : undefined;
}

/** Texts of a list, or of a scalar as a list of one. */
export function yamlStrings(node: YamlNode | undefined): readonly { readonly text: string; readonly node: YamlNode }[] {
  if (!node) return [];
  const nodes = node.kind === "seq" ? node.items : [node];
  return nodes.flatMap((item) => {
    const text = yamlText(item);
    return text === undefined ? [] : [{ text, node: item }];
  });
}

// ---

interface Convert {
  readonly source: Source;
  readonly anchors: Map<string, YamlNode>;
  readonly active: Set<unknown>;
}

function convert(node: unknown, state: Convert, depth: number): YamlNode | undefined {
  if (depth > MAX_DEPTH) return undefined;
  if (isAlias(node)) return state.anchors.get(node.source);
  if (!isMap(node) && !isSeq(node) && !isScalar(node)) return undefined;
  const start = node.range?.[0] ?? 0;
  const end = Math.max(start, node.range?.[1] ?? start);
  const base = { source: state.source, start, end, tag: node.tag };
  let result: YamlNode;
  if (isScalar(node)) {
    const raw: unknown = node.value;
    const value = typeof raw === "string" || typeof raw === "number" || typeof raw === "boolean" ? raw : null;
    const quoted =
      node.type === "QUOTE_DOUBLE" ||
      node.type === "QUOTE_SINGLE" ||
      node.type === "BLOCK_LITERAL" ||
      node.type === "BLOCK_FOLDED";
    const text = quoted || raw === null ? String(value ?? "") : (node.source ?? String(raw));
    result = { ...base, kind: "scalar", value, text, quoted, entries: NO_ENTRIES, items: [] };
  } else if (isSeq(node)) {
    const items = node.items.flatMap((item) => {
      const child = convert(item, state, depth + 1);
      return child ? [child] : [];
    });
    result = { ...base, kind: "seq", value: null, text: "", quoted: false, entries: NO_ENTRIES, items };
  } else {
    result = {
      ...base,
      kind: "map",
      value: null,
      text: "",
      quoted: false,
      entries: convertMap(node.items, state, depth, start),
      items: [],
    };
  }
  if (node.anchor !== undefined) state.anchors.set(node.anchor, result);
  return result;
}

function convertMap(
  pairs: readonly { key: unknown; value: unknown }[],
  state: Convert,
  depth: number,
  mapStart: number,
): Map<string, YamlEntry> {
  const entries = new Map<string, YamlEntry>();
  const merges: YamlNode[] = [];
  for (const pair of pairs) {
    if (!isScalar(pair.key)) continue;
    const text = String(pair.key.source ?? pair.key.value);
    const start = pair.key.range?.[0] ?? mapStart;
    const end = pair.key.range?.[1] ?? start;
    const key = { source: state.source, start, end, text };
    const value = convert(pair.value, state, depth + 1) ?? emptyScalar(state.source, end);
    if (text === "<<") merges.push(value);
    else entries.set(text, { key, value });
  }
  for (const merge of merges) {
    for (const map of merge.kind === "seq" ? merge.items : [merge]) {
      for (const [key, entry] of map.entries) if (!entries.has(key)) entries.set(key, entry);
    }
  }
  return entries;
}

function emptyScalar(source: Source, at: number): YamlNode {
  return {
    source,
    start: at,
    end: at,
    kind: "scalar",
    value: null,
    text: "",
    quoted: false,
    entries: NO_ENTRIES,
    items: [],
    tag: undefined,
  };
}

/** Deepest run of open brackets: a cheap bound before the library's recursive parser sees the text. */
function bracketDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (let i = 0; i < text.length; i += 1) {
    const char = text[i];
    if (char === "[" || char === "{") deepest = Math.max(deepest, (depth += 1));
    else if ((char === "]" || char === "}") && depth > 0) depth -= 1;
  }
  return deepest;
}
