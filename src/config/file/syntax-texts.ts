/** What is wrong, and what to do about it. */
export interface SyntaxText {
  readonly rule: string;
  readonly cure: string;
}

/** For codes of the library that have no text below. */
export const SYNTAX_DEFAULT: SyntaxText = {
  rule: "is not valid YAML",
  cure: "put a text with special characters in quotes",
};
/** The closing character of each opening one. */
export const CLOSING: Readonly<Record<string, string>> = { "[": "]", "{": "}", '"': '"', "'": "'" };
/** Texts for the library's codes. The broken text itself is never shown: it could be half a secret. */
export const SYNTAX: Readonly<Record<string, SyntaxText>> = {
  TAB_AS_INDENT: { rule: "must be indented with spaces, not with tabs", cure: "use two spaces" },
  BAD_INDENT: {
    rule: "has an indentation that matches no level above",
    cure: "align it with its neighbours, two spaces per level",
  },
  MISSING_CHAR: {
    rule: "is incomplete: a quote, bracket, comma or space is missing",
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
    rule: "has unexpected characters here",
    cure: "put a text with brackets, commas or colons in quotes",
  },
  MULTIPLE_DOCS: { rule: "must hold one document; a second one begins here", cure: "delete the `---` line" },
  BAD_DQ_ESCAPE: {
    rule: "has an escape that YAML does not know",
    cure: "use single quotes, or write \\\\ for a backslash",
  },
  BAD_ALIAS: { rule: "must not use aliases (*name)", cure: "write the value out, or put the text in quotes" },
};
