import type { ClassifiedFile, UnreadFile } from "./model/facts.ts";
import { classify } from "./classify.ts";
import type { Source } from "./source.ts";
import { createSource } from "./source.ts";

const NAME_BY_LANGUAGE: Readonly<Record<string, string>> = {
  nginx: "block.conf",
  caddy: "Caddyfile",
  caddyfile: "Caddyfile",
  dockerfile: "Dockerfile",
  ini: "block.service",
  systemd: "block.service",
  yaml: "block.yaml",
  yml: "block.yaml",
  json: "block.json",
  bash: "block.sh",
  sh: "block.sh",
  shell: "block.sh",
  console: "block.sh",
  dotenv: ".env",
  env: ".env",
};

/** Each block is a copy of the guide's length up to it; so many characters of them are read. */
const MAX_COPIED = 2 ** 26;

/**
 * Code blocks of a guide as files of their own. The text around a block becomes blanks of the same length, so every
 * position is a position in the guide.
 *
 * @param unread gets the guide when it has more blocks than are read
 */
export function maskMarkdown(source: Source, unread: UnreadFile[] = []): readonly ClassifiedFile[] {
  const out: ClassifiedFile[] = [];
  const blanks = source.text.replace(/[^\n]/g, " ");
  let copied = 0;
  for (const { language, start, end } of codeBlocks(source)) {
    const name = NAME_BY_LANGUAGE[language];
    const body = source.text.slice(start, end);
    const probe = createSource(name === undefined ? source.path : guessName(name, body), body);
    const kind = classify(probe, true);
    if (kind === "unknown" || kind === "gitignore") continue;
    copied += end;
    if (copied > MAX_COPIED) {
      unread.push({ source, reason: "it has too many code blocks to read all", cure: "Split it into several files." });
      break;
    }
    out.push({ source: createSource(source.path, blanks.slice(0, start) + body), kind });
  }
  return out;
}

// ---

interface CodeBlock {
  readonly language: string;
  readonly start: number;
  readonly end: number;
}

function* codeBlocks({ text, lineStarts }: Source): Generator<CodeBlock> {
  let open: { readonly fence: string; readonly language: string; readonly start: number } | undefined;
  for (const [index, start] of lineStarts.entries()) {
    const next = lineStarts[index + 1] ?? text.length;
    const fence = /^[ \t]*(`{3,}|~{3,})[ \t]*([\w.+-]*)([^\n]*)/.exec(text.slice(start, Math.min(next, start + 1000)));
    const [, marks = "", language = "", rest = ""] = fence ?? [];
    if (open === undefined) {
      if (marks !== "") open = { fence: marks, language: language.toLowerCase(), start: next };
    } else if (marks.startsWith(open.fence) && language === "" && rest.trim() === "") {
      yield { language: open.language, start: open.start, end: start };
      open = undefined;
    }
  }
}

/** Compose and our own config share the language tag; their content tells them apart. */
function guessName(name: string, body: string): string {
  if (name !== "block.yaml") return name;
  return /^(?:server|limits|pool|deploy|session|shutdown):/m.test(body) && !/^services:/m.test(body)
    ? "gigastt.config.yaml"
    : name;
}
