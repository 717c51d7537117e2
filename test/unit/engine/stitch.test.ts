import { expect, test } from "vitest";
import type { Word } from "../../../src/engine/contract.ts";
import { countStable, mergeCommitted } from "../../../src/engine/front/commit.ts";
import { stitchAt } from "../../../src/engine/stitch.ts";

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

test("words are committed when partials agree and enough was heard after them", () => {
  const before = [at("раз", 0), at("два", 0.5), at("три", 1)];
  const now = [at("раз", 0), at("два", 0.5), at("тридцать", 1)];
  expect(countStable("stable_prefix", [before], now, 3)).toBe(2);
  expect(countStable("stable_prefix", [before], now, 1)).toBe(1);
  expect(countStable("auto", [before], now, 3)).toBe(0);
  expect(countStable("auto", [before, before], now, 3)).toBe(2);
  expect(countStable("auto", [before, before], now, 1.5)).toBe(1);
  expect(countStable("auto", [before, []], now, 3)).toBe(0);
  expect(countStable("on_finalize", [before, before], now, 3)).toBe(0);
  expect(countStable("stable_prefix", [], now, 3)).toBe(0);
});

test("what was committed stays to the letter in the final", () => {
  const committed = [at("раз", 0), at("два", 0.5)];
  expect(text(mergeCommitted(committed, [at("раз", 0), at("два", 0.52), at("три", 1)]))).toBe("раз два три");
  expect(text(mergeCommitted(committed, [at("раз", 0), at("дважды", 0.5), at("три", 1)]))).toBe("раз два три");
  expect(text(mergeCommitted(committed, []))).toBe("раз два");
  expect(text(mergeCommitted([], [at("раз", 0)]))).toBe("раз");
});
