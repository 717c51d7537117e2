import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, it } from "vitest";

const root = resolve(import.meta.dirname, "../../..");

it("every relative link of every page leads to a file, and every anchor to a heading", () => {
  const broken: string[] = [];
  for (const page of pages(root)) {
    const text = withoutCode(readFileSync(page, "utf8"));
    for (const [, target = ""] of text.matchAll(/\]\(([^)\s]+)\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), decodeURIComponent(path));
      const exists = existsSync(file);
      if (!exists || (anchor !== undefined && statSync(file).isFile() && !anchors(file).has(anchor))) {
        broken.push(`${relative(root, page)}: ${target}`);
      }
    }
  }
  expect(broken).toEqual([]);
});

it("every page is in English, but for the Russian guide", () => {
  // A page may quote Russian speech; a page written in Russian has mostly Cyrillic letters.
  const russian = pages(root).filter((page) => {
    const letters = withoutCode(readFileSync(page, "utf8"));
    const cyrillic = letters.match(/[а-яё]/gi)?.length ?? 0;
    return cyrillic > (letters.match(/[a-z]/gi)?.length ?? 0);
  });
  expect(russian.map((page) => relative(root, page)).filter((page) => !page.startsWith("docs/ru/"))).toEqual([]);
});

function pages(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true }).flatMap((entry) => {
    if (["node_modules", ".git", "dist", "fixtures"].includes(entry.name)) return [];
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return pages(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
}

function withoutCode(text: string): string {
  return text.replaceAll(/```[\s\S]*?```/g, "").replaceAll(/`[^`\n]*`/g, "");
}

/** Anchors as common Markdown hosts make them: lower case, punctuation dropped, spaces to dashes. */
function anchors(file: string): ReadonlySet<string> {
  const headings = readFileSync(file, "utf8").matchAll(/^#{1,6}\s+(.+)$/gm);
  return new Set(
    [...headings].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
}

it("every decision record has a number of its own, which its title repeats", () => {
  const folder = new URL("../../../docs/adr/", import.meta.url);
  const names = readdirSync(folder).filter((name) => /^\d/.test(name));
  const numbers = names.map((name) => name.slice(0, 4));
  expect(numbers.filter((number, at) => numbers.indexOf(number) !== at)).toEqual([]);
  const wrong = names.filter(
    (name) => !readFileSync(new URL(name, folder), "utf8").startsWith(`# ${name.slice(0, 4)} `),
  );
  expect(wrong).toEqual([]);
});
