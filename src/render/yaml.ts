import { Document, stringify } from "yaml";

/** One YAML document as text: block style, two spaces, strings quoted where another parser could misread them. Key order is the object's. */
export function renderYaml(value: unknown, comment?: string): string {
  const text = stringify(value, OPTIONS);
  return comment === undefined ? text : `${comment.replace(/^(?=.)/gm, "# ")}\n${text}`;
}

/** Several documents in one stream, separated by `---`. */
export function renderYamlStream(values: readonly unknown[]): string {
  return values.map((value) => new Document(value).toString(OPTIONS)).join("---\n");
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
