import type { Terminal } from "../../../../src/supervisor/status/view.ts";

/** A terminal of a few escape codes: enough to see what a person sees. */
export interface TinyTerminal extends Terminal {
  readonly columns: number;
  readonly rows: number;
  /** What is on the screen, without colours and empty rows at the end. */
  screen(): string[];
  /** Colour codes that were written. */
  readonly colours: string[];
  resize(columns: number, rows: number): void;
}

export function createTinyTerminal(columns = 80, rows = 24): TinyTerminal {
  let size = { columns, rows };
  let lines: string[] = [""];
  let [x, y] = [0, 0];
  let wraps = true;
  const colours: string[] = [];
  const resized = new Set<() => void>();
  /** The first line on the screen: erasing brings none back. */
  let first = 0;
  const top = (): number => (first = Math.max(first, y + 1 - size.rows));
  const put = (char: string): void => {
    if (x >= size.columns) {
      if (!wraps) x = size.columns - 1;
      else [x, y] = [0, y + 1];
    }
    top();
    lines[y] = `${(lines[y] ?? "").padEnd(x).slice(0, x)}${char}${(lines[y] ?? "").slice(x + 1)}`;
    x++;
  };
  const command = (code: string): void => {
    const up = /^(\d+)A$/.exec(code);
    if (up !== null) y = Math.max(top(), y - Number(up[1]));
    else if (code === "J") lines = [...lines.slice(0, y), (lines[y] ?? "").slice(0, x)];
    else if (code === "H") [x, y] = [0, top()];
    else if (code === "2J") lines = lines.map((line, row) => (row < top() ? line : ""));
    else if (code === "?7l" || code === "?7h") wraps = code === "?7h";
    else if (code.endsWith("m")) colours.push(code);
    else throw new Error(`escape code ${code}`);
  };
  return {
    get columns() {
      return size.columns;
    },
    get rows() {
      return size.rows;
    },
    colours,
    write: (text) => {
      // oxlint-disable-next-line no-control-regex -- codes begin with a control character
      for (const [part, code] of text.matchAll(/\u001b\[(\??[\d;]*[A-Za-z])|[^]/gu)) {
        if (code !== undefined) command(code);
        else if (part === "\r") x = 0;
        else if (part === "\n") {
          // As the line discipline does, also in Node's raw mode.
          x = 0;
          y++;
          while (lines.length <= y) lines.push("");
          top();
        } else put(part);
      }
    },
    screen: () => lines.slice(top()).join("\n").trimEnd().split("\n"),
    on: (_event, listener) => resized.add(listener),
    off: (_event, listener) => resized.delete(listener),
    resize: (toColumns, toRows) => {
      // Long rows are broken again at the new width, as terminals do.
      lines = lines.flatMap((line) => line.match(new RegExp(`.{1,${toColumns}}`, "gu")) ?? [""]);
      size = { columns: toColumns, rows: toRows };
      y = lines.length - 1;
      first = Math.max(0, lines.length - toRows);
      for (const listener of resized) listener();
    },
  };
}
