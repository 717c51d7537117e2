import { readFileSync } from "node:fs";

/** One command of a documentation page. */
export interface DocCommand {
  /** As given to {@link docCommands}. */
  readonly page: string;
  /** Line of its first word, from 1. */
  readonly line: number;
  /** Continuation lines and here-documents belong to it; no comment lines. */
  readonly text: string;
  /** What the page says it prints, in a `console` block; empty elsewhere. */
  readonly shown: readonly string[];
}

const ROOT = new URL("../../", import.meta.url);

/** The commands of a page's `sh` and `console` blocks (those behind `$ `) in the order of the page. `page` is a path from the project's root, such as `docs/deploy/caddy.md`. */
export function docCommands(page: string): readonly DocCommand[] {
  const lines = readFileSync(new URL(page, ROOT), "utf8").split("\n");
  const commands: DocCommand[] = [];
  let inside = "";
  for (let i = 0; i < lines.length; i++) {
    const fence = /^\s*```(\w*)/.exec(lines[i]!);
    if (fence !== null) {
      const kind = fence[1] ?? "";
      inside = inside === "" && ["sh", "bash", "console"].includes(kind) ? kind : "";
      continue;
    }
    if (inside === "console") {
      const text = /^\$ (.*)/.exec(lines[i]!)?.[1];
      const before = text === undefined ? commands.pop() : undefined;
      if (text !== undefined) commands.push({ page, line: i + 1, text, shown: [] });
      else if (before !== undefined) commands.push({ ...before, shown: [...before.shown, lines[i]!] });
      continue;
    }
    if (inside === "" || /^\s*(?:#|$)/.test(lines[i]!)) continue;
    const line = i + 1;
    let text = lines[i]!;
    while (text.endsWith("\\")) text = `${text}\n${lines[++i] ?? ""}`;
    const end = /<<-?\s*['"]?(\w+)/.exec(text)?.[1];
    if (end !== undefined) {
      do text += `\n${lines[++i] ?? end}`;
      while (lines[i] !== undefined && lines[i]!.trim() !== end);
    }
    commands.push({ page, line, text, shown: [] });
  }
  return commands;
}
