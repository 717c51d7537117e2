import type { Escape } from "./escape.ts";
import { RenderError } from "../errors.ts";

/** What a template may read: plain data, no functions. */
export type ViewValue =
  | string
  | number
  | boolean
  | undefined
  | readonly ViewValue[]
  | { readonly [key: string]: ViewValue };
export type View = { readonly [key: string]: ViewValue };

/**
 * Fills a logic-less template.
 *
 * - `{{ path }}` writes a string or number, escaped for the target
 * - `{{# path }}…{{/ path }}` repeats for a list, enters an object, or keeps the block if the value is true or a non-empty string
 * - `{{^ path }}…{{/ path }}` keeps the block for false, undefined, "" and an empty list
 * - `{{ . }}` is the current item
 * - a line that holds only a section tag disappears
 *
 * An unknown placeholder, a value of the wrong kind or an unclosed section throws: a rendered file is complete or absent.
 */
export function fillTemplate(name: string, text: string, view: View, escape: Escape): string {
  let nodes = parsed.get(text);
  if (nodes === undefined) {
    nodes = parseTemplate(name, text);
    parsed.set(text, nodes);
  }
  let out = "";
  const write = (list: readonly Node[], scopes: readonly ViewValue[]): void => {
    for (const node of list) {
      if (node.kind === "text") out += node.text;
      else if (node.kind === "value") out += scalar(node, look(node, scopes));
      else section(node, scopes);
    }
  };
  const section = (node: SectionNode, scopes: readonly ViewValue[]): void => {
    const value = look(node, scopes);
    if (node.inverted) {
      if (isEmpty(value)) write(node.children, scopes);
    } else if (Array.isArray(value)) {
      for (const item of value) write(node.children, [...scopes, item]);
    } else if (!isEmpty(value)) {
      write(node.children, [...scopes, value]);
    }
  };
  const scalar = (node: ValueNode, value: ViewValue): string => {
    if (typeof value === "number" && Number.isFinite(value)) return String(value);
    if (typeof value === "string") return escape(value, out.slice(out.lastIndexOf("\n") + 1));
    throw new RenderError(
      `${name}:${node.line} {{ ${node.path} }} is ${describe(value)}; only text and numbers can be written.`,
    );
  };
  const look = (node: ValueNode | SectionNode, scopes: readonly ViewValue[]): ViewValue => {
    if (node.path === ".") return scopes[scopes.length - 1];
    const keys = node.path.split(".");
    for (let i = scopes.length - 1; i >= 0; i--) {
      const found = descend(scopes[i], keys);
      if (found) return found.value;
    }
    throw new RenderError(`${name}:${node.line} {{ ${node.path} }} is unknown to the view.`);
  };
  write(nodes, [view]);
  return out;
}

// ---

// Templates are few and constant: each is parsed once.
const parsed = new Map<string, readonly Node[]>();

interface TextNode {
  readonly kind: "text";
  readonly text: string;
}
interface ValueNode {
  readonly kind: "value";
  readonly path: string;
  readonly line: number;
}
interface SectionNode {
  readonly kind: "section";
  readonly path: string;
  readonly line: number;
  readonly inverted: boolean;
  readonly children: Node[];
}
type Node = TextNode | ValueNode | SectionNode;

function parseTemplate(name: string, text: string): readonly Node[] {
  const root: Node[] = [];
  const open: SectionNode[] = [];
  let at = 0;
  const tag = /\{\{\s*([#^/!]?)\s*([^{}]*?)\s*\}\}/g;
  const into = (): Node[] => open[open.length - 1]?.children ?? root;
  for (let match = tag.exec(text); match; match = tag.exec(text)) {
    const [whole, sigil = "", path = ""] = match;
    let start = match.index;
    let end = start + whole.length;
    if (sigil !== "") {
      const lineStart = text.lastIndexOf("\n", start - 1) + 1;
      const lineEnd = text.indexOf("\n", end);
      const alone =
        text.slice(lineStart, start).trim() === "" &&
        text.slice(end, lineEnd < 0 ? text.length : lineEnd).trim() === "";
      if (alone && lineStart >= at) {
        start = lineStart;
        end = lineEnd < 0 ? text.length : lineEnd + 1;
      }
    }
    into().push({ kind: "text", text: text.slice(at, start) });
    at = end;
    tag.lastIndex = end;
    const line = text.slice(0, match.index).split("\n").length;
    if (sigil === "!") continue;
    if (sigil === "/") {
      const closed = open.pop();
      if (closed?.path !== path)
        throw new RenderError(`${name}:${line} {{/ ${path} }} closes ${closed ? `{{# ${closed.path} }}` : "nothing"}.`);
    } else if (sigil === "") {
      into().push({ kind: "value", path, line });
    } else {
      const node: SectionNode = { kind: "section", path, line, inverted: sigil === "^", children: [] };
      into().push(node);
      open.push(node);
    }
  }
  const unclosed = open.pop();
  if (unclosed) throw new RenderError(`${name}:${unclosed.line} {{# ${unclosed.path} }} is never closed.`);
  root.push({ kind: "text", text: text.slice(at) });
  return root;
}

function descend(scope: ViewValue, keys: readonly string[]): { readonly value: ViewValue } | undefined {
  let value = scope;
  for (const key of keys) {
    if (typeof value !== "object" || value === null || Array.isArray(value) || !Object.hasOwn(value, key))
      return undefined;
    value = (value as View)[key]; // neither list nor scalar: checked above
  }
  return { value };
}

function isEmpty(value: ViewValue): boolean {
  return value === undefined || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

function describe(value: ViewValue): string {
  return Array.isArray(value) ? "a list" : value === undefined ? "undefined" : `of type ${typeof value}`;
}
