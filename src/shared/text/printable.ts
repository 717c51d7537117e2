/** Control characters, lone surrogates, line separators and bidirectional overrides: they could rewrite the line that shows them. */
const STEERING = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Makes a piece of user text safe for one line of a terminal: control characters escaped, long text cut. */
export function printable(text: string, maxLength = 60): string {
  return (text.length > maxLength ? `${text.slice(0, maxLength)}…` : text).replace(STEERING, escaped);
}

/** Makes a whole line safe for a terminal: as `printable`, but uncut and with its tabs. */
export function printableLine(text: string): string {
  return text.replace(STEERING, (char) => (char === "\t" ? char : escaped(char)));
}

function escaped(char: string): string {
  return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
}
