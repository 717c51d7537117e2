/** A piece of user text made safe for one line of a terminal: control characters escaped, long text cut. */
export function printable(text: string, maxLength = 60): string {
  const cut = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  // Lone surrogates, control characters and bidirectional overrides could rewrite the line that reports them.
  return cut.replace(
    /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
