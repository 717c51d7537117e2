import { readFileSync } from "node:fs";
import { installationRoot } from "../../shared/process/entry.ts";
import { escapes, type EscapeTarget } from "./escape.ts";
import { fillTemplate, type View } from "./template.ts";

/** Fills `templates/<name>` for a target format. The text ends with exactly one newline and has no trailing blanks. */
export function renderTemplate(name: string, view: View, target: EscapeTarget): string {
  let text = cache.get(name);
  if (text === undefined) {
    text = readFileSync(new URL(`templates/${name}`, installationRoot()), "utf8");
    cache.set(name, text);
  }
  const filled = fillTemplate(`templates/${name}`, text, view, escapes[target]);
  return `${filled
    .replace(/[ \t]+$/gm, "")
    .replace(/\n{3,}/g, "\n\n")
    .trim()}\n`;
}

// ---

// Templates are part of the installation and do not change while a process lives.
const cache = new Map<string, string>();
