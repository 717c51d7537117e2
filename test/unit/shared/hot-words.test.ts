import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { engine } from "../../../src/config/sections/engine.ts";
import { DEFAULT_BOOST, MOST_HOT_WORDS, parseHotWords } from "../../../src/shared/hot-words.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

describe("phrases as clients write them", () => {
  test.each<[name: string, value: unknown, expected: unknown]>([
    [
      "a text",
      "Кузьмин, рекуператор:5\nумный дом",
      [
        ["Кузьмин", 3],
        ["рекуператор", 5],
        ["умный дом", 3],
      ],
    ],
    [
      "a list",
      ["Кузьмин:4.5", { text: "бойлер", boost: 2 }, { text: "дом" }],
      [
        ["Кузьмин", 4.5],
        ["бойлер", 2],
        ["дом", 3],
      ],
    ],
    ["empty entries", " , ,\n", []],
    ["a phrase twice, the last counts", "дом:1, ДОМ:2", [["ДОМ", 2]]],
    ["a colon that is no boost", "16:9 формат", [["16:9 формат", DEFAULT_BOOST]]],
  ])("reads %s", (_name, value, expected) => {
    const words = parseHotWords(value);
    expect(Array.isArray(words) ? words.map(({ text, boost }) => [text, boost]) : words).toEqual(expected);
  });

  test.each<[name: string, value: unknown, rule: RegExp]>([
    ["a number", 5, /list of phrases/],
    ["an object without text", [{ word: "дом" }], /"text"/],
    ["a boost that is a text", [{ text: "дом", boost: "5" }], /boost .* 0 to 10/],
    ["a boost beyond its range", "дом:11", /0 to 10/],
    ["a negative boost", "дом:-1", /0 to 10/],
    ["a long phrase", "д".repeat(101), /at most 100 characters/],
    ["control characters", ["до\u0000м"], /control/],
    [
      "too many",
      Array.from({ length: 201 }, (_, index) => `слово ${index}`),
      /at most 200 hot words are allowed, got 201/,
    ],
  ])("refuses %s", (_name, value, rule) => {
    expect(parseHotWords(value)).toMatch(rule);
  });

  test("any input gives phrases within the bounds, or a rule", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.anything(), fc.array(fc.anything())), (value) => {
        const words = parseHotWords(value);
        if (typeof words === "string") return words !== "";
        expect(words.length).toBeLessThanOrEqual(MOST_HOT_WORDS);
        for (const { text, boost } of words) {
          expect(text.trim()).toBe(text);
          expect(boost).toBeGreaterThanOrEqual(0);
          expect(boost).toBeLessThanOrEqual(10);
        }
        return true;
      }),
      fuzzRuns(4000),
    );
  });

  test("the configuration allows as many", () => expect(engine.properties.hotWords.maxItems).toBe(MOST_HOT_WORDS));
});
