/** What a person sees: the lines of a terminal, those that scrolled away included. */
export interface Screen {
  paint(text: string): void;
  /** The rows as they are shown. */
  rows(): readonly string[];
  /** The lines as they were written: rows the terminal broke are joined, as copying them does. */
  lines(): readonly string[];
  text(): string;
}

/** A terminal of the given width that understands what prompts use: moving the cursor, erasing, wrapping. Colours are dropped. */
export function createScreen(columns: number): Screen {
  const cells: string[][] = [[]];
  /** Rows that continue the one above. */
  const continued = new Set<number>();
  let row = 0;
  let column = 0;
  let rest = "";
  const line = (): string[] => (cells[row] ??= []);

  const move = (down: number, right: number): void => {
    row = Math.max(0, row + down);
    column = Math.min(columns - 1, Math.max(0, column + right));
    while (cells.length <= row) cells.push([]);
  };
  const put = (sign: string): void => {
    if (column === columns) {
      move(1, 0);
      column = 0;
      continued.add(row);
    }
    const target = line();
    while (target.length < column) target.push(" ");
    target[column++] = sign;
  };
  const control = (parameters: string, name: string): void => {
    const count = Number(parameters.split(";")[0]) || 1;
    if (name === "A") move(-count, 0);
    else if (name === "B") move(count, 0);
    else if (name === "C") move(0, count);
    else if (name === "D") move(0, -count);
    else if (name === "G") column = count - 1;
    else if (name === "K") line().splice(parameters === "1" || parameters === "2" ? 0 : column);
    else if (name === "J") {
      line().splice(column);
      cells.splice(row + 1);
    }
  };
  return {
    paint: (text) => {
      const input = rest + text;
      rest = "";
      for (let i = 0; i < input.length;) {
        const sign = String.fromCodePoint(input.codePointAt(i) ?? 0);
        if (sign === "\u001b") {
          // eslint-disable-next-line no-control-regex -- escape sequences begin with a control character
          const sequence = /^\u001b\[([0-9;?]*)([A-Za-z])/.exec(input.slice(i, i + 24));
          if (sequence === null && input.length - i < 24) {
            rest = input.slice(i);
            return;
          }
          if (sequence !== null) control(sequence[1] ?? "", sequence[2] ?? "");
          i += sequence?.[0].length ?? 1;
          continue;
        }
        if (sign === "\n") {
          move(1, 0);
          continued.delete(row);
        } else if (sign === "\r") column = 0;
        else if (sign === "\b") move(0, -1);
        else if (sign >= " ") put(sign);
        i += sign.length;
      }
    },
    rows: () => cells.map(shown),
    lines: () => {
      const lines: string[] = [];
      for (const [i, signs] of cells.entries()) {
        if (continued.has(i)) lines.push(`${lines.pop() ?? ""}${signs.join("")}`);
        else lines.push(signs.join(""));
      }
      return lines.map((line) => line.trimEnd());
    },
    text: () => cells.map(shown).join("\n"),
  };
}

function shown(signs: readonly string[]): string {
  return signs.join("").trimEnd();
}
