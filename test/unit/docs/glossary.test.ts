import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { registry } from "../../../src/cli/registry.ts";
import { nodeAt } from "../../../src/config/schema/node.ts";
import { configSchema } from "../../../src/config/schema/schema.ts";
import { WIRE_ERROR_STATUS } from "../../../src/shared/protocol.ts";

const at = (path: string): URL => new URL(`../../../${path}`, import.meta.url);
const text = (path: string): string => readFileSync(at(path), "utf8");
const metrics = text("docs/reference/metrics.md");

const EXISTS: Readonly<Record<string, (name: string) => boolean>> = {
  config: (name) => nodeAt(configSchema, name.split(".")) !== undefined,
  command: (name) => Object.hasOwn(registry, name),
  code: (name) => Object.hasOwn(WIRE_ERROR_STATUS, name),
  metric: (name) => metrics.includes(`\`${name}\``),
};

const terms = text("docs/reference/glossary.md")
  .split("\n")
  .filter((line) => line.startsWith("| "))
  .slice(1)
  .map((line) => line.slice(2, -2).split(" | "))
  .map(([term = "", russian = "", , names = ""]) => ({ term, russian, names }));

const russianPages = readdirSync(at("docs/ru"), { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".md"))
  .map((name) => [name, text(`docs/ru/${name}`)] as const);

/** Other words for the terms of the glossary, and the term to write instead. */
const OTHER_WORDS: readonly (readonly [RegExp, string])[] = [
  [/тайм-аут/i, "таймаут"],
  [/финальн\S* результат/i, "окончательный результат"],
  [/частичн\S* результат/i, "промежуточный результат"],
  [/брандмауэр|фа[ей]рвол/i, "межсетевой экран"],
  [/проверк\S* здоровья|хелс-?чек/i, "проверка работоспособности"],
  [/супервайзер|диспетчер процессов/i, "супервизор"],
  [/(?<!\p{L})(?:логи|логов|логах|лог-файл\S*)(?!\p{L})/iu, "журнал"],
  [/(?<!\p{L})сваппинг|(?<!\p{L})своп/iu, "подкачка"],
  [/каталог\S* состояния|директори/i, "папка состояния, папка"],
  [/эндпо[ий]нт/i, "маршрут"],
  [/лимит\S* частоты|лимит\S* запросов/i, "ограничение частоты"],
];

describe("docs/reference/glossary.md", () => {
  it.each(terms.map(({ term, names }) => [term, names]))("names for %s exist", (_, names) => {
    const named = [...names.matchAll(/(\w+) `([^`]+)`/g)];
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter(([, kind = "", name = ""]) => EXISTS[kind]?.(name) !== true).map(([whole]) => whole)).toEqual(
      [],
    );
  });

  it("lists each term once, in both languages", () => {
    for (const side of ["term", "russian"] as const)
      expect(new Set(terms.map((row) => row[side])).size).toBe(terms.length);
  });

  it.each(russianPages)("its Russian terms are those of %s", (_, page) => {
    expect(
      OTHER_WORDS.flatMap(([word, instead]) => (word.test(page) ? [`${word.exec(page)?.[0]}: ${instead}`] : [])),
    ).toEqual([]);
  });

  it("every Russian term occurs in the Russian pages", () => {
    const all = russianPages.map(([, page]) => page).join("\n");
    const missing = terms.filter(({ russian }) => {
      const stems = russian.split(" ").map((word) => (word.length < 4 ? word : word.slice(0, -2)));
      return !new RegExp(stems.join("\\p{L}*\\s+"), "iu").test(all);
    });
    expect(missing.map(({ russian }) => russian)).toEqual([]);
  });
});
