import { existsSync, readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** Tables of bad inputs: `| input | what it gets | test |`, the test as `` `test/file.test.ts` › its exact name ``. */
const root = new URL("../../../", import.meta.url);
const folder = new URL("docs/reference/bad-input/", root);

interface Row {
  readonly page: string;
  readonly line: number;
  readonly input: string;
  readonly gets: string;
  readonly test: string;
}

const rows: Row[] = readdirSync(folder)
  .filter((name) => name.endsWith(".md"))
  .sort()
  .flatMap((page) => rowsOf(page, readFileSync(new URL(page, folder), "utf8")));
const pages = [...new Set(rows.map(({ page }) => page))];
const sources = new Map<string, string>();

describe(`bad inputs: ${rows.length} rows on ${pages.length} pages`, () => {
  for (const page of pages) {
    const own = rows.filter((row) => row.page === page);
    it(`${page}: each of its ${own.length} rows says what it gets and names an existing test`, () => {
      expect(own.flatMap(mistakesOf)).toEqual([]);
    });
  }

  it("no input stands in a table twice", () => {
    const keys = rows.map(({ page, input, gets }) => `${page}: ${input} | ${gets}`);
    expect(keys.filter((key, i) => keys.indexOf(key) !== i)).toEqual([]);
  });
});

function rowsOf(page: string, text: string): Row[] {
  return text.split("\n").flatMap((line, i) => {
    if (!line.startsWith("|") || /^\|[\s:|-]+\|$/.test(line)) return [];
    const cells = line.replace(/^\||\|\s*$/g, "").split(/(?<!\\)\|/);
    const [input = "", gets = "", test = "", ...rest] = cells.map((cell) => cell.trim().replaceAll("\\|", "|"));
    if (input === "input") return [];
    return [{ page, line: i + 1, input, gets, test: rest.length === 0 ? test : `${rest.length} cells too many` }];
  });
}

function mistakesOf(row: Row): string[] {
  const at = `${row.page}:${row.line}`;
  if (row.input === "" || row.gets === "") return [`${at}: an empty cell`];
  const found = /^`([^`]+)` › (.+)$/.exec(row.test);
  if (found?.[1] === undefined || found[2] === undefined)
    return [`${at}: the test cell must be \`file\` › name, found ${row.test}`];
  const source = sourceOf(found[1]);
  if (source === undefined) return [`${at}: there is no file ${found[1]}`];
  return namesTest(source, found[2]) ? [] : [`${at}: ${found[1]} has no test named "${found[2]}"`];
}

function sourceOf(file: string): string | undefined {
  const url = new URL(file, root);
  if (!sources.has(file) && existsSync(url)) sources.set(file, readFileSync(url, "utf8"));
  return sources.get(file);
}

/** True when the file calls it or test (also `it.each`, `it.skipIf`) with exactly this name, in any kind of quotes. */
function namesTest(source: string, name: string): boolean {
  const quoted = [JSON.stringify(name), `'${name.replaceAll("'", "\\'")}'`, `\`${name.replaceAll("`", "\\`")}\``];
  return quoted.some((text) => {
    for (let at = source.indexOf(text); at !== -1; at = source.indexOf(text, at + 1)) {
      if (/\b(?:it|test)(?:\.\w+(?:\([^]*?\))?)*\(\s*$/.test(source.slice(Math.max(0, at - 400), at))) return true;
    }
    return false;
  });
}
