/** The comments and string literals of a TypeScript text; everything else becomes spaces, so that lines stay where they are. */
export function proseOf(code: string): string {
  const prose = code.replace(/[^\n]/g, " ").split("");
  const keep = (from: number, to: number): void => {
    for (let i = from; i < to; i++) prose[i] = code[i]!;
  };
  let at = 0;

  /** Reads code up to an unmatched `}` or the end. */
  const readCode = (): void => {
    let depth = 0;
    while (at < code.length) {
      const char = code[at]!;
      if (char === "}" && depth-- === 0) return;
      if (char === "{") depth++;
      if (code.startsWith("//", at)) readTo("\n", true);
      else if (code.startsWith("/*", at)) readTo("*/", true);
      else if (char === '"' || char === "'") readQuoted(char);
      else if (char === "`") readTemplate();
      else if (char === "/" && startsRegex()) readRegex();
      else at++;
    }
  };

  const readTo = (end: string, isProse: boolean): void => {
    const found = code.indexOf(end, at + 2);
    const to = found === -1 ? code.length : found + (end === "\n" ? 0 : end.length);
    if (isProse) keep(at, to);
    at = to;
  };

  const readQuoted = (quote: string): void => {
    const from = ++at;
    while (at < code.length && code[at] !== quote) at += code[at] === "\\" ? 2 : 1;
    keep(from, at++);
  };

  const readTemplate = (): void => {
    let from = ++at;
    while (at < code.length && code[at] !== "`") {
      if (code.startsWith("${", at)) {
        keep(from, at);
        at += 2;
        readCode();
        from = ++at;
      } else at += code[at] === "\\" ? 2 : 1;
    }
    keep(from, at++);
  };

  /** A slash divides after a value, and begins a regular expression anywhere else. */
  const startsRegex = (): boolean => {
    const before = code.slice(Math.max(0, at - 40), at).trimEnd();
    return /(?:[(,=:[!&|?{};+~<>-]|=>|\breturn|\bcase|\btypeof|^)$/.test(before);
  };

  const readRegex = (): void => {
    let inClass = false;
    at++;
    while (at < code.length && code[at] !== "\n" && (inClass || code[at] !== "/")) {
      if (code[at] === "[") inClass = true;
      if (code[at] === "]") inClass = false;
      at += code[at] === "\\" ? 2 : 1;
    }
    at++;
  };

  readCode();
  return prose.join("");
}
