import type { CommandContext } from "./command.ts";

/** Puts a text into a style, or leaves it as it is where colours are not wanted. */
export interface Paint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

/** Colours for a terminal; none for pipes and files, with NO_COLOR, `--no-color` or TERM=dumb. FORCE_COLOR asks for them anyway. */
export function paintFor(stream: { readonly isTTY?: boolean }, context: Pick<CommandContext, "env" | "flags">): Paint {
  const { env, flags } = context;
  const forced = env["FORCE_COLOR"] !== undefined && env["FORCE_COLOR"] !== "" && env["FORCE_COLOR"] !== "0";
  const refused = flags["no-color"] === true || Boolean(env["NO_COLOR"]);
  const on = !refused && (forced || (stream.isTTY === true && env["TERM"] !== "dumb"));
  const style = (open: number, close: number) => (text: string) =>
    on && text !== "" ? `\u001b[${open}m${text}\u001b[${close}m` : text;
  return {
    bold: style(1, 22),
    dim: style(2, 22),
    red: style(31, 39),
    green: style(32, 39),
    yellow: style(33, 39),
    cyan: style(36, 39),
  };
}

/** Rows as aligned columns, two spaces apart; the last column is not padded. Colour codes do not count. */
export function table(rows: readonly (readonly string[])[], indent = ""): string {
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, i) => (widths[i] = Math.max(widths[i] ?? 0, textWidth(cell))));
  return rows
    .map((row) => {
      const cells = row.map((cell, i) =>
        i === row.length - 1 ? cell : cell + " ".repeat((widths[i] ?? 0) - textWidth(cell)),
      );
      return `${indent}${cells.join("  ")}`.trimEnd();
    })
    .join("\n");
}

/** Columns a text takes in a terminal: colour codes and combining marks none, wide characters two. */
export function textWidth(text: string): number {
  let width = 0;
  // oxlint-disable-next-line no-control-regex -- colour codes begin with a control character
  for (const char of text.replace(/\u001b\[[\d;]*m/g, "")) {
    if (/\p{Mn}|\p{Cf}/u.test(char)) continue;
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}/u.test(
        char,
      )
        ? 2
        : 1;
  }
  return width;
}

/** Breaks text into lines of at most `width` columns at spaces. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && textWidth(line) + 1 + textWidth(word) > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === "" ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines;
}

/** One JSON value, indented, with a newline at the end. */
export function writeJson(stream: { write(text: string): unknown }, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, 2)}\n`);
}
