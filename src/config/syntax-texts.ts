/** What is wrong and what to do, as it is told. */
export interface SyntaxText {
  readonly rule: string;
  readonly cure: string;
}

/** For codes of the library without words of ours. */
export const SYNTAX_DEFAULT: SyntaxText = {
  rule: "is not valid YAML",
  cure: "put a text with special characters in quotes",
};
/** What closes what was opened. */
export const CLOSING: Readonly<Record<string, string>> = { "[": "]", "{": "}", '"': '"', "'": "'" };
/** Our words for the library's codes. The text itself is never shown where it is broken: it could be half a secret. */
export const SYNTAX: Readonly<Record<string, SyntaxText>> = {
  TAB_AS_INDENT: { rule: "must be indented with spaces, here is a tab", cure: "use two spaces" },
  BAD_INDENT: {
    rule: "is indented in a way that fits no level above",
    cure: "align it with its neighbours, two spaces per level",
  },
  MISSING_CHAR: {
    rule: "is not complete: a quote, bracket, comma or space is missing",
    cure: "close what was opened, and put a space after each colon",
  },
  BLOCK_AS_IMPLICIT_KEY: {
    rule: "has two `key:` on one line",
    cure: "put a value with a colon in quotes, a nested key on its own indented line",
  },
  MULTILINE_IMPLICIT_KEY: {
    rule: "is not a `key: value` line",
    cure: "add the colon, or put a text over several lines in quotes",
  },
  UNEXPECTED_TOKEN: {
    rule: "has something here that does not belong",
    cure: "put a text with brackets, commas or colons in quotes",
  },
  MULTIPLE_DOCS: { rule: "must hold one document, here a second one begins", cure: "delete the `---` line" },
  BAD_DQ_ESCAPE: {
    rule: "has an escape that YAML does not know",
    cure: "use single quotes, or write \\\\ for a backslash",
  },
  BAD_ALIAS: { rule: "must not use aliases (*name)", cure: "write the value out, or put the text in quotes" },
};
