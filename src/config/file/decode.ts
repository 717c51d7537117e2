/** The text of a file, or why it is none: the problem, its cure and its place. */
export interface Decoded {
  readonly text: string;
  readonly problem?: string;
  readonly cure: string;
  readonly offset: number;
}

/** Decodes UTF-8 and removes the byte order mark; refuses what no editor would have written. */
export function decode(bytes: Uint8Array): Decoded {
  const utf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  if (utf16) return { text: "", problem: "must be UTF-8, not UTF-16", cure: "save it as UTF-8", offset: 0 };
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    const lenient = new TextDecoder("utf-8").decode(bytes);
    // The first replacement character that the author did not write is where decoding failed.
    const offset = Math.max(0, lenient.indexOf("\ufffd"));
    return { text: lenient, problem: "must be UTF-8; this byte is not valid", cure: "save it as UTF-8", offset };
  }
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  const control = /[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/.exec(text);
  if (control !== null) {
    const name = `U+${control[0].charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    return {
      text,
      problem: `must be plain text without the control character ${name}`,
      cure: "delete it",
      offset: control.index,
    };
  }
  return { text, cure: "", offset: 0 };
}
