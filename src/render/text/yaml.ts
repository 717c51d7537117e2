import { Document, isMap, isNode, parseDocument } from "yaml";

/** A comment above a key or an item. */
export type Remark = readonly [path: readonly (string | number)[], text: string];

/**
 * Renders one YAML document as text: block style, two spaces, strings quoted where another parser could misread them. Key order is the object's.
 * `remarks`: comments above single keys and items, by their path.
 */
export function renderYaml(value: unknown, comment?: string, remarks: readonly Remark[] = []): string {
  const document = new Document(value, OPTIONS);
  for (const [path, remark] of remarks) {
    const parent = document.getIn(path.slice(0, -1), true);
    const key = isMap(parent) ? parent.items.find((pair) => String(pair.key) === path.at(-1))?.key : undefined;
    const node = key ?? document.getIn(path, true);
    if (isNode(node)) node.commentBefore = remark;
  }
  const text = document.toString(OPTIONS);
  return comment === undefined ? text : `${comment.replace(/^(?=.)/gm, "# ")}\n${text}`;
}

// ---

// YAML 1.1 readers (Compose tools, older clients) must see the same values: no bare `on`, `1:30`, `0o7`.
const OPTIONS = {
  version: "1.1",
  indent: 2,
  lineWidth: 0,
  aliasDuplicateObjects: false,
  defaultKeyType: "PLAIN",
  defaultStringType: "PLAIN",
  singleQuote: false,
} as const;

/** Sets values in a YAML text, keeping its comments and its order. Creates missing parents. Throws for text that is not a YAML map. */
export function editYaml(
  text: string,
  changes: readonly (readonly [path: readonly string[], value: unknown])[],
): string {
  const document = parseDocument(text);
  if (document.errors.length > 0) throw document.errors[0]!;
  for (const [path, value] of changes) {
    // `deploy:` with everything commented out is null: a map can grow only where there is none.
    for (let length = 1; length < path.length; length++) {
      const parent = path.slice(0, length);
      if (document.getIn(parent) === null) document.deleteIn(parent);
    }
    document.setIn(path, value);
  }
  // As it is written there: `[/health]` is not to become `[ /health ]` in a file under version control.
  return document.toString({ lineWidth: 0, flowCollectionPadding: /[[{] /.test(text) });
}
