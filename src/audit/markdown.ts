import type { ClassifiedFile } from "./model/facts.ts";
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

/**
 * Code blocks of a guide as files of their own. The text around a block becomes blanks of the same length, so every
 * position is a position in the guide.
 */
export function maskMarkdown(source: Source): readonly ClassifiedFile[] {
  const out: ClassifiedFile[] = [];
  for (const fence of source.text.matchAll(
    /^([ \t]*)(`{3,}|~{3,})[ \t]*([\w.+-]*)[^\n]*\n([\s\S]*?)^[ \t]*\2[ \t]*$/gm,
  )) {
    const language = (fence[3] ?? "").toLowerCase();
    const name = NAME_BY_LANGUAGE[language];
    const body = fence[4] ?? "";
    const start = fence.index + fence[0].indexOf("\n") + 1;
    const text = source.text.slice(0, start).replace(/[^\n]/g, " ") + body;
    const probe = createSource(name === undefined ? source.path : guessName(name, body), body);
    const kind = classify(probe, true);
    if (kind === "unknown" || kind === "gitignore") continue;
    out.push({ source: createSource(source.path, text), kind });
  }
  return out;
}

/** Compose and our own config share the language tag; their content tells them apart. */
function guessName(name: string, body: string): string {
  if (name !== "block.yaml") return name;
  return /^(?:server|limits|pool|deploy|session|shutdown):/m.test(body) && !/^services:/m.test(body)
    ? "gigastt.config.yaml"
    : name;
}
