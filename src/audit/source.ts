/** A text file with a line index. Positions are 1-based lines and columns (UTF-16 units); offsets are 0-based. */
export interface Source {
  /** Path as findings show it: relative to the audited path, with `/`. */
  readonly path: string;
  /** Where the text lives on disk; undefined for text from standard input. */
  readonly absolute: string | undefined;
  readonly text: string;
  /** Offset of the first character of each line. */
  readonly lineStarts: readonly number[];
  /** Permission bits and owner, when the file came from disk. */
  readonly mode?: number;
  readonly uid?: number;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A stretch of one file, end exclusive. */
export interface Span {
  readonly source: Source;
  readonly start: number;
  readonly end: number;
}

/** Makes a source of a text. Its line index is built when it is first asked for: most files are only told apart. */
export function createSource(
  path: string,
  text: string,
  more: { readonly absolute?: string; readonly mode?: number; readonly uid?: number } = {},
): Source {
  let lineStarts: readonly number[] | undefined;
  return {
    path,
    text,
    get lineStarts() {
      return (lineStarts ??= startsOfLines(text));
    },
    absolute: more.absolute,
    mode: more.mode,
    uid: more.uid,
  } as Source; // optional keys may be undefined here
}

function startsOfLines(text: string): readonly number[] {
  const starts = [0];
  for (let i = text.indexOf("\n"); i !== -1; i = text.indexOf("\n", i + 1)) starts.push(i + 1);
  return starts;
}

/** Line and column of an offset; offsets past the end give the last position. */
export function positionAt(source: Source, offset: number): Position {
  const starts = source.lineStarts;
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (starts[low] ?? 0) + 1 };
}

/** The text of one line without its line end; empty past the end. */
export function lineText(source: Source, line: number): string {
  const start = source.lineStarts[line - 1];
  if (start === undefined) return "";
  const end = source.lineStarts[line] ?? source.text.length + 1;
  return source.text.slice(start, end - 1).replace(/\r$/, "");
}

/** The span of a whole line, without indentation. */
export function lineSpan(source: Source, line: number): Span {
  const start = source.lineStarts[line - 1] ?? 0;
  const text = lineText(source, line);
  const indent = text.length - text.trimStart().length;
  return { source, start: start + indent, end: start + text.trimEnd().length };
}
