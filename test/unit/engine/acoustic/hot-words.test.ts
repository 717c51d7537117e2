import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { compileHotWords } from "../../../../src/engine/acoustic/hot-words.ts";
import { createVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

/** All texts of one to three letters over a small alphabet, with and without a space in front. */
const LETTERS = ["а", "б", "в"];
const WORDS = [
  ...LETTERS,
  ...LETTERS.flatMap((a) => LETTERS.map((b) => a + b)),
  ...LETTERS.flatMap((a) => LETTERS.flatMap((b) => LETTERS.map((c) => a + b + c))),
];
const PIECES = ["<unk>", "▁", ...WORDS, ...WORDS.map((word) => `▁${word}`), ",", "▁А", "Ё", "е"];
const vocabulary = createVocabulary(PIECES);

const words = fc.array(fc.constantFrom(...WORDS), { minLength: 1, maxLength: 3 });
const phrases = fc.array(
  words.map((list) => ({ text: list.join(" "), boost: 3 })),
  { minLength: 1, maxLength: 6 },
);
/** Tokens of a text, cut at the given places. */
function cut(text: string, isCut: (index: number) => boolean): number[] {
  const tokens: number[] = [];
  for (const word of text.split(" ")) {
    let piece = "▁";
    for (const [index, letter] of [...word].entries()) {
      if (piece.replace("▁", "").length === 3 || (piece !== "" && isCut(index))) {
        tokens.push(PIECES.indexOf(piece));
        piece = "";
      }
      piece += letter;
    }
    tokens.push(PIECES.indexOf(piece));
  }
  return tokens;
}

/** What a text earns, kept and still open. */
function earned(graph: ReturnType<typeof compileHotWords>, tokens: readonly number[]): { kept: number; open: number } {
  let match = 0;
  let kept = 0;
  for (const token of tokens) {
    const step = graph.advance(match, token);
    match = step.match;
    kept += step.kept;
  }
  return { kept: kept + graph.kept(match), open: graph.bonus(match) - graph.kept(match) };
}

describe("hot words", () => {
  test("a text earns the same however it is cut into pieces", () => {
    fc.assert(
      fc.property(phrases, words, fc.infiniteStream(fc.boolean()), (list, said, stream) => {
        const graph = compileHotWords(list, vocabulary);
        const text = said.join(" ");
        const coins = stream[Symbol.iterator]();
        const whole = earned(
          graph,
          cut(text, () => false),
        );
        const pieces = earned(
          graph,
          cut(text, () => coins.next().value ?? false),
        );
        expect(pieces.kept).toBeCloseTo(whole.kept, 9);
        expect(pieces.open).toBeCloseTo(whole.open, 9);
      }),
      fuzzRuns(4000),
    );
  });

  test("nothing is kept for a text without a phrase, one bonus for a phrase alone, and never more than its letters at its boost", () => {
    fc.assert(
      fc.property(phrases, words, (list, said) => {
        const graph = compileHotWords(list, vocabulary);
        const text = said.join(" ");
        const { kept } = earned(
          graph,
          cut(text, () => true),
        );
        const isSaid = list.some((phrase) => ` ${text}`.includes(` ${phrase.text}`));
        if (!isSaid) expect(kept).toBe(0);
        else expect(kept).toBeGreaterThan(0);
        expect(kept).toBeLessThanOrEqual(text.replaceAll(" ", "").length + 1e-9);
      }),
      fuzzRuns(4000),
    );
  });

  test("tokens ahead are those that earn more, and lead there", () => {
    const graph = compileHotWords([{ text: "абв", boost: 3 }], vocabulary);
    const ahead = graph.tokensAhead(0).map((token) => PIECES[token]);
    expect(ahead).toEqual(expect.arrayContaining(["▁а", "▁аб", "▁абв", "▁А"]));
    expect(ahead).not.toContain("▁");
    expect(ahead).not.toContain("аб");
    const { match } = graph.advance(0, PIECES.indexOf("▁а"));
    const further = graph.tokensAhead(match).map((token) => PIECES[token]);
    expect(further).toEqual(expect.arrayContaining(["б", "бв", "бва"]));
    expect(further).not.toContain("в");
  });

  test("case and ё do not matter, and phrases with foreign letters are named", () => {
    const graph = compileHotWords(
      [
        { text: "АБЕ", boost: 3 },
        { text: "кот", boost: 3 },
        { text: "  ", boost: 3 },
      ],
      vocabulary,
    );
    expect(graph.unspellable).toEqual(["кот"]);
    expect(earned(graph, [PIECES.indexOf("▁аб"), PIECES.indexOf("Ё")]).kept).toBeCloseTo(3, 9);
  });

  test("a long phrase earns no more than 24 letters", () => {
    const text = "абв".repeat(20);
    const graph = compileHotWords([{ text, boost: 3 }], vocabulary);
    expect(
      earned(
        graph,
        cut(text, () => false),
      ).kept,
    ).toBeCloseTo(24, 9);
  });
});
