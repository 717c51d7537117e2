/**
 * How words enter each format: as text, whatever they are. A recogniser can be made to write anything; a transcript must not become markup,
 * a script or a spreadsheet formula.
 */

/**
 * SRT has no escape: what players read as tags (`<b>`, `{\an8}`, `\N`) or as a time line is replaced by characters that look alike. pysubs2 takes
 * any line with two times for a time line.
 */
export function escapeSrt(text: string): string {
  return text
    .replaceAll("-->", "→")
    .replace(/[<>{}\\]/g, (character) => SRT_LOOKALIKES[character] ?? "")
    .replace(/(?<=\d):(?=\d{1,2}:\d{1,2}[.,]\d)/g, "∶");
}

/**
 * A last line of digits alone gets an invisible word joiner: pysubs2, which Bazarr uses, takes it for the number of a following subtitle and
 * drops it.
 */
export function escapeSrtLines(lines: readonly string[]): string {
  const text = lines.map(escapeSrt).join("\n");
  return /\n\d+$/.test(text) ? `${text}\u2060` : text;
}

const SRT_LOOKALIKES: Readonly<Record<string, string>> = { "<": "‹", ">": "›", "{": "(", "}": ")", "\\": "/" };

export function escapeVtt(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

export function escapeHtml(text: string): string {
  return escapeVtt(text).replaceAll('"', "&quot;").replaceAll("'", "&#39;");
}

/** Markup, entities, mentions, formulas, and addresses that a renderer would turn into links by itself. */
export function escapeMarkdown(text: string): string {
  return text.replace(/[\\`*_{}[\]<>#|~&$@]|:(?=\/\/)|(?<=www)\./gi, String.raw`\$&`);
}

/** A cell. Spreadsheets compute a cell that begins with one of `=+-@`: the apostrophe makes it text. */
export function escapeTsv(text: string): string {
  return /^[=+\-@]/.test(text) ? `'${text}` : text;
}
