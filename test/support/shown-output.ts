/**
 * Why `printed` is not what a page shows, or undefined when it is. Numbers stand for any number, runs of blanks for any, a line `…` for any
 * lines (also none) and `…` in a line for any text.
 */
export function differenceToShown(shown: readonly string[], printed: string): string | undefined {
  const pattern = trimmed(shown).map((line) => (line.trim() === "…" ? ANY_LINES : `${patternOf(line)}\\n`));
  return new RegExp(`^${pattern.join("")}$`, "u").test(`${printed.trimEnd()}\n`)
    ? undefined
    : `the page shows\n${shown.join("\n")}\nbut it prints\n${printed}`;
}

// ---

const ANY_LINES = "(?:[^\\n]*\\n)*";

function patternOf(line: string): string {
  return line
    .trimEnd()
    .split(/(\d+(?:\.\d+)*|…|\s+)/u)
    .map((part) => {
      if (/^\d/u.test(part)) return "\\d+(?:\\.\\d+)*";
      if (part === "…") return "[^\\n]*";
      return /^\s+$/u.test(part) ? "[ \\t]+" : part.replaceAll(/[.*+?^${}()|[\]\\/]/gu, "\\$&");
    })
    .join("");
}

/** Without the empty lines that set blocks apart. */
function trimmed(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => line.trim() !== "");
}
