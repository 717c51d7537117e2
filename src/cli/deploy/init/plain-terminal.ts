/** True when the terminal shows UTF-8, by the usual order of the locale's variables. Unset is taken for yes: terminals are. */
export function showsUtf8(env: NodeJS.ProcessEnv): boolean {
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return locale === undefined || /utf-?8/i.test(locale);
}

/** The same terminal for a locale without UTF-8: line drawing and typographic signs become ASCII. */
export function plainTerminal(output: NodeJS.WriteStream): NodeJS.WriteStream {
  const write: unknown = (chunk: unknown, ...rest: readonly unknown[]): boolean =>
    Reflect.apply(output.write, output, [typeof chunk === "string" ? toAscii(chunk) : chunk, ...rest]);
  return new Proxy(output, {
    get: (target, name) => {
      if (name === "write") return write;
      const value: unknown = Reflect.get(target, name, target);
      // A stream's methods look for its private fields on `this`.
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

// ---

const SIGNS: Readonly<Record<string, string>> = {
  "│": "|",
  "┃": "|",
  "─": "-",
  "┌": "+",
  "┐": "+",
  "└": "+",
  "┘": "+",
  "├": "+",
  "╭": "+",
  "╮": "+",
  "╰": "+",
  "╯": "+",
  "◆": "*",
  "◇": "o",
  "●": ">",
  "○": " ",
  "◻": "[ ]",
  "◼": "[x]",
  "■": "x",
  "▲": "!",
  "█": "_",
  "…": "...",
  "→": "->",
  "’": "'",
};

function toAscii(text: string): string {
  return text.replace(/[^\0-\x7f]/gu, (sign) => SIGNS[sign] ?? "?");
}
