import { expect, test } from "vitest";
import { createVocabulary, parseVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { calibrated, joinWords, meanConfidence, tokensToWords } from "../../../../src/engine/acoustic/words.ts";

const vocabulary = createVocabulary(["<unk>", "▁при", "вет", ",", "▁", "мир", "▁«", "да", "»", "▁—"]);

function words(ids: number[], frames = ids.map((_, index) => index * 5)) {
  const tokens = {
    ids: Int32Array.from(ids),
    frames: Int32Array.from(frames),
    probabilities: new Float32Array(ids.length).fill(0.5),
  };
  return tokensToWords(tokens, vocabulary, { startS: 10, frameS: 0.04, hopS: 0.01 });
}

test("▁ starts a word, punctuation belongs to the word before it", () => {
  expect(joinWords(words([1, 2, 3, 4, 5]))).toBe("привет, мир");
});

test("spaces before quotes and dashes survive", () => {
  expect(joinWords(words([1, 2, 6, 7, 8, 9, 4, 5]))).toBe("привет «да» — мир");
});

test("<unk> is never shown", () => {
  expect(joinWords(words([0, 1, 0, 2, 0]))).toBe("привет");
});

test("a word lasts from its first frame to the end of its last one, in absolute time", () => {
  expect(words([1, 2, 4, 5], [3, 7, 9, 11])).toMatchObject([
    { word: "привет", start: 10.12, end: 10.32 },
    { word: "мир", start: 10.36, end: 10.48 },
  ]);
});

test("a word's confidence is the mean of its tokens", () => {
  const tokens = { ids: Int32Array.of(1, 2), frames: Int32Array.of(0, 1), probabilities: Float32Array.of(1, 0.5) };
  expect(tokensToWords(tokens, vocabulary, { startS: 0, frameS: 0.04, hopS: 0.01 })[0]!.confidence).toBe(0.75);
  expect(meanConfidence([])).toBeUndefined();
});

test("calibrating keeps the order, the ends and the middle, and makes sure words surer", () => {
  const before = Array.from({ length: 101 }, (_, n) => n / 100);
  for (const slope of [0.5, 1, 1.6, 5]) {
    const after = before.map((probability) => calibrated(probability, slope));
    expect(after.toSorted((a, b) => a - b)).toEqual(after);
    expect([after[0], after[50], after[100]]).toEqual([0, 0.5, 1]);
  }
  expect(calibrated(0.86, 1)).toBe(0.86);
  expect(calibrated(0.86, 1.6)).toBe(0.9481);
  expect(calibrated(0.3, 1.6)).toBeLessThan(0.3);
});

test("a vocabulary may be separated by spaces or tabs and in any order", () => {
  expect(parseVocabulary("▁б\t1\n<unk> 0\r\n<blk> 2\n")).toMatchObject({ pieces: ["<unk>", "▁б"], blank: 2 });
});

test.each([
  ["", "it has no pieces"],
  ["▁а", 'line 1 is not "piece id"'],
  ["▁а 0\n▁б 0", "line 2 gives id 0 a second piece"],
  ["▁а 0\n▁б 2", "id 1 has no piece"],
  ["▁а 0\n<blk> 5", "the blank must come after the 1 pieces, it has id 5"],
])("a broken vocabulary is refused with the reason: %j", (text, reason) => {
  expect(() => parseVocabulary(text)).toThrow(
    `the model's vocabulary file cannot be used: ${reason}. Run \`gigastt models verify\`.`,
  );
});
