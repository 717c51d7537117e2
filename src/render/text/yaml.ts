import { parseDocument, stringify } from "yaml";

/** Renders one YAML document as text: block style, two spaces, strings quoted where another parser could misread them. Key order is the object's. */
export function renderYaml(value: unknown, comment?: string): string {
  const text = stringify(value, OPTIONS);
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
