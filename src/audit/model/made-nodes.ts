// Nodes of YAML for what another format says, with places in that format.
import type { YamlEntry, YamlNode } from "../parse/yaml.ts";
import type { Span } from "../source.ts";

/** A node without a place or content. */
export const EMPTY: Omit<YamlNode, "source" | "start" | "end" | "kind"> = {
  value: null,
  text: "",
  quoted: false,
  entries: new Map<string, YamlEntry>(),
  items: [],
  tag: undefined,
};

/** Returns the place alone. */
export function spanOf({ source, start, end }: Span): Span {
  return { source, start, end };
}

/** Returns a plain value. */
export function scalar(span: Span, text: string): YamlNode {
  return {
    ...EMPTY,
    ...spanOf(span),
    kind: "scalar",
    value: /^(?:true|false)$/.test(text) ? text === "true" : text,
    text,
  };
}

/** Returns a list. */
export function seq(span: Span, items: readonly YamlNode[]): YamlNode {
  return { ...EMPTY, ...spanOf(span), kind: "seq", items };
}

/** Returns a mapping. */
export function map(span: Span, entries: readonly (readonly [string, YamlNode])[]): YamlNode {
  return {
    ...EMPTY,
    ...spanOf(span),
    kind: "map",
    entries: new Map(entries.map(([text, value]) => [text, { key: { ...spanOf(span), text }, value }])),
  };
}
