import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { alignWords, editParagraph, findMatches, replaceMatches, wordsIn } from "../../../src/console/data/edit.ts";
import { textOf, wordAt } from "../../../src/console/data/document.ts";
import type { TimedWord } from "../../../src/shared/transcript/transcript.ts";
import { fuzzRuns } from "../../support/fuzz.ts";

const word = fc.stringMatching(/^[а-яa-z<>&"'.,0-9]{1,8}$/);
const text = fc.array(word, { maxLength: 12 });

function timed(words: readonly string[], fromS = 0): TimedWord[] {
  return words.map((word, index) => ({ word, start: fromS + index, end: fromS + index + 0.8, confidence: 0.9 }));
}

describe("an edited paragraph", () => {
  it("has the text that was typed, in times that never go back and never leave the old ones", () => {
    fc.assert(
      fc.property(text, text, (before, after) => {
        const old = timed(before, 10);
        const words = alignWords(old, after.join(" \n"));
        expect(words.map(({ word }) => word)).toEqual(after);
        let last = before.length === 0 ? 0 : 10;
        for (const { start, end } of words) {
          expect(start).toBeGreaterThanOrEqual(last);
          expect(end).toBeGreaterThanOrEqual(start);
          last = end;
        }
        if (old.length > 0) expect(last).toBeLessThanOrEqual(Math.max(10, old.at(-1)!.end));
      }),
      fuzzRuns(300),
    );
  });

  it("keeps the words around a change as they were", () => {
    fc.assert(
      fc.property(text, text, text, (head, middle, tail) => {
        const old = timed([...head, "старое", ...tail]);
        const words = alignWords(old, [...head, ...middle, ...tail].join(" "));
        expect(words.slice(0, head.length)).toEqual(old.slice(0, head.length));
        expect(words.slice(words.length - tail.length)).toEqual(old.slice(old.length - tail.length));
      }),
      fuzzRuns(200),
    );
  });

  it("gives new words the time of those they replace", () => {
    const words = alignWords(timed(["раз", "двадва", "три"]), "раз новое слово три");
    expect(words.map(({ word, start, end }) => [word, start, end])).toEqual([
      ["раз", 0, 0.8],
      ["новое", 1, 1.4],
      ["слово", 1.4, 1.8],
      ["три", 2, 2.8],
    ]);
  });

  it("does not change when its text does not", () => {
    const paragraphs = [{ id: 7, words: timed(["раз", "два"]) }];
    expect(editParagraph(paragraphs, 7, " раз два ")[0]).toBe(paragraphs[0]);
  });
});

describe("search and replace", () => {
  const paragraphs = [
    { id: 1, words: timed(["Мама", "мыла", "раму."]) },
    { id: 2, words: timed(["Мыла", "нет,", "мама!"], 10) },
  ];

  it("finds over words, ignoring case unless asked, and takes nothing for a pattern", () => {
    expect(findMatches(paragraphs, "мама", false)).toHaveLength(2);
    expect(findMatches(paragraphs, "мама", true)).toEqual([{ id: 2, start: 10, end: 14 }]);
    expect(findMatches(paragraphs, "мыла  раму.", false)).toEqual([{ id: 1, start: 5, end: 15 }]);
    expect(findMatches(paragraphs, ".*", false)).toEqual([]);
    expect(findMatches(paragraphs, "  ", false)).toEqual([]);
  });

  it("replaces each place by plain text", () => {
    const matches = findMatches(paragraphs, "мыла", false);
    expect(replaceMatches(paragraphs, matches, "$& <b>").map(textOf)).toEqual([
      "Мама $& <b> раму.",
      "$& <b> нет, мама!",
    ]);
  });

  it("replaces any text by any other", () => {
    fc.assert(
      fc.property(text, word, word, (words, query, by) => {
        const paragraph = { id: 1, words: timed(words) };
        const next = replaceMatches([paragraph], findMatches([paragraph], query, true), by);
        expect(next.map(textOf)).toEqual([words.join(" ").replaceAll(query, () => by)]);
      }),
      fuzzRuns(300),
    );
  });

  it("marks the words that a place covers", () => {
    const [first] = paragraphs;
    expect([...wordsIn(first!, [{ id: 1, start: 3, end: 6 }])]).toEqual([0, 1]);
  });
});

describe("the word of a moment", () => {
  it("is the last one that has begun", () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 }),
        fc.double({ min: -1, max: 80, noNaN: true }),
        (sizes, time) => {
          let from = 0;
          const paragraphs = sizes.map((size, id) => {
            const words = timed(
              Array.from({ length: size }, () => "а"),
              from,
            );
            from += size + 1;
            return { id, words };
          });
          const place = wordAt(paragraphs, time);
          const all = paragraphs.flatMap(({ id, words }) =>
            words.map(({ start }, at) => ({ paragraph: id, word: at, start })),
          );
          const expected = all.findLast(({ start }) => start <= time);
          expect(place).toEqual(
            expected === undefined ? undefined : { paragraph: expected.paragraph, word: expected.word },
          );
        },
      ),
      fuzzRuns(300),
    );
  });
});
