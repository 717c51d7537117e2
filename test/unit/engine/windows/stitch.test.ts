import { expect, test } from "vitest";
import type { Word } from "../../../../src/engine/contract.ts";
import { commitUpTo, countStable, keepReadings, mergeCommitted } from "../../../../src/engine/stream/commit.ts";
import type { Reading } from "../../../../src/engine/stream/commit.ts";
import { stitchAt } from "../../../../src/engine/windows/stitch.ts";

const at = (word: string, start: number): Word => ({ word, start, end: start + 0.2, confidence: 0.9 });
const text = (words: readonly Word[]): string => words.map((word) => word.word).join(" ");
const stitch = (seamS: number, left: Word[], right: Word[]): string => {
  const seam = stitchAt(seamS, left);
  return text([...seam.kept, ...seam.join(right)]);
};

test("words before the seam come from the left window, words after it from the right", () => {
  const left = [at("раз", 1), at("два", 2), at("тр", 3.2)];
  expect(stitch(2.9, left, [at("ва", 2.2), at("три", 3.1), at("пять", 4)])).toBe("раз два три пять");
});

test("a word on the seam that both windows heard is kept once", () => {
  expect(stitch(2.9, [at("раз", 2), at("два,", 2.75)], [at("два", 2.85), at("три", 3.5)])).toBe("раз два, три");
});

test("a word that each window puts on the other's side is not lost", () => {
  expect(stitch(2.9, [at("раз", 2), at("два", 2.85)], [at("два", 2.7), at("три", 3.5)])).toBe("раз два три");
});

test("a repetition at another time survives", () => {
  expect(stitch(2.9, [at("да", 2.2)], [at("да", 3.1), at("да", 3.6)])).toBe("да да да");
});

test("a word said twice in quick succession at the seam is kept twice", () => {
  const both = [at("да", 2.66), at("да", 2.92)];
  for (const right of [both, [at("да", 2.92)], [at("да", 2.68), at("да", 2.9), at("три", 3.5)]]) {
    expect(stitch(2.9, [at("раз", 2), ...both], right)).toMatch(/^раз да да( три)?$/);
  }
  expect(stitch(2.9, [at("да", 2.66)], both)).toBe("да да");
});

test("what is committed follows the time of the newest stable word, not its number", () => {
  const committed = [at("поэтому", 0), at("мы", 0.5)];
  const heard = [at("по", 0), at("этому", 0.1), at("мы", 0.5), at("все", 1), at("тут", 1.5)];
  const words = mergeCommitted(committed, heard);
  expect(text(words)).toBe("поэтому мы все тут");
  expect(text(commitUpTo(committed, words, heard[3]))).toBe("поэтому мы все");
  expect(commitUpTo(committed, words, heard[1])).toBe(committed);
  expect(commitUpTo(committed, words, undefined)).toBe(committed);
});

const reading = (heardToS: number, ...words: Word[]): Reading => ({ words, heardToS });

test("words are committed when two partials agree (stable_prefix) and enough was heard after them", () => {
  const before = reading(2.7, at("раз", 0), at("два", 0.5), at("три", 1));
  const now = reading(3, at("раз", 0), at("два", 0.5), at("тридцать", 1));
  expect(countStable("stable_prefix", now, [before])).toBe(2);
  expect(countStable("stable_prefix", { ...now, heardToS: 1 }, [reading(0.8, ...before.words)])).toBe(1);
  expect(countStable("stable_prefix", now, [])).toBe(0);
  expect(countStable("on_finalize", now, [before, before])).toBe(0);
});

test("words are committed (auto) when every partial of 1.5 s agrees, three at least, and 2 s were heard after them", () => {
  const words = [at("раз", 0), at("два", 0.5)];
  const now = reading(4, ...words);
  expect(
    countStable(
      "auto",
      now,
      [3.5, 3, 2.5].map((to) => reading(to, ...words)),
    ),
  ).toBe(2);
  // Three agree, but within one second.
  expect(
    countStable(
      "auto",
      now,
      [3.5, 3].map((to) => reading(to, ...words)),
    ),
  ).toBe(0);
  // Two agree over two seconds.
  expect(countStable("auto", now, [reading(2, ...words)])).toBe(0);
  // One in between heard something else.
  expect(
    countStable("auto", now, [
      reading(3.5, ...words),
      reading(3, words[0]!, at("дважды", 0.5)),
      reading(2.5, ...words),
    ]),
  ).toBe(1);
  // What an older one heard does not count.
  expect(countStable("auto", now, [...[3.5, 3, 2.5].map((to) => reading(to, ...words)), reading(2)])).toBe(2);
  const early = [2.5, 2, 1.5, 1].map((to) => reading(to, ...words));
  expect(countStable("auto", early[0]!, early.slice(1))).toBe(1);
});

test("no more readings are kept than a rule looks back on", () => {
  const readings = Array.from({ length: 100 }, (_, n) => reading(30 - n * 0.25));
  expect(keepReadings(readings).map(({ heardToS }) => heardToS)).toEqual([30, 29.75, 29.5, 29.25, 29, 28.75, 28.5]);
  // Seldom ones: three at least.
  expect(keepReadings([30, 28, 26, 24].map((to) => reading(to)))).toHaveLength(3);
  expect(keepReadings([])).toEqual([]);
});

test("what was committed stays to the letter in the final", () => {
  const committed = [at("раз", 0), at("два", 0.5)];
  expect(text(mergeCommitted(committed, [at("раз", 0), at("два", 0.52), at("три", 1)]))).toBe("раз два три");
  expect(text(mergeCommitted(committed, [at("раз", 0), at("дважды", 0.5), at("три", 1)]))).toBe("раз два три");
  expect(text(mergeCommitted(committed, []))).toBe("раз два");
  expect(text(mergeCommitted([], [at("раз", 0)]))).toBe("раз");
});
