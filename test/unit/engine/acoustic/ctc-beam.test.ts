import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeCtc, type CtcScores } from "../../../../src/engine/acoustic/ctc.ts";
import { decodeCtcWithHotWords } from "../../../../src/engine/acoustic/ctc-beam.ts";
import { compileHotWords } from "../../../../src/engine/acoustic/hot-words.ts";
import { createVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

const PIECES = ["<unk>", "▁а", "▁б", "в", "г", "▁в", "▁г"];
const vocabulary = createVocabulary(PIECES);
const { blank } = vocabulary;
const classes = blank + 1;
const graphOf = (phrases: readonly string[], boost: number) =>
  compileHotWords(
    phrases.map((text) => ({ text, boost })),
    vocabulary,
  );

const form = (frames: number, logSoftmaxed = true): CtcScores => ({ frames, classes, blank, logSoftmaxed });

/** Rows of plain scores as logarithms of probabilities. */
function normalised(rows: readonly (readonly number[])[]): Float32Array {
  return Float32Array.from(
    rows.flatMap((row) => {
      const norm = Math.log(row.reduce((sum, score) => sum + Math.exp(score), 0));
      return row.map((score) => score - norm);
    }),
  );
}

/** One row: what is named has its score, the blank 0 unless it is named, all else -30. */
function row(named: Readonly<Record<string, number>>): number[] {
  const scores: number[] = Array.from({ length: classes }, (_, token) => (token === blank ? 0 : -30));
  for (const [piece, score] of Object.entries(named)) scores[piece === "" ? blank : PIECES.indexOf(piece)] = score;
  return scores;
}

const rows = fc.array(
  fc.array(fc.double({ min: -12, max: 0, noNaN: true }), { minLength: classes, maxLength: classes }),
  {
    maxLength: 30,
  },
);

describe("CTC search with hot words", () => {
  test("without phrases it finds what the best classes say, of logarithms and of plain scores", () => {
    fc.assert(
      fc.property(rows, fc.boolean(), (given, logs) => {
        const scores = logs ? normalised(given) : Float32Array.from(given.flat());
        const expected = decodeCtc(scores, form(given.length, logs));
        const found = decodeCtcWithHotWords(scores, form(given.length, logs), graphOf([], 3));
        expect([...found.ids]).toEqual([...expected.ids]);
        expect([...found.frames]).toEqual([...expected.frames]);
        for (const [index, probability] of found.probabilities.entries())
          expect(probability).toBeCloseTo(expected.probabilities[index]!, 4);
      }),
      fuzzRuns(300),
    );
  });

  test("tokens have rising frames and are never blanks, at the highest boost", () => {
    const graph = graphOf(["ав", "бг", "аг вв", "вг"], 10);
    fc.assert(
      fc.property(rows, (given) => {
        const { ids, frames } = decodeCtcWithHotWords(normalised(given), form(given.length), graph);
        expect(ids).not.toContain(blank);
        for (let k = 1; k < frames.length; k++) expect(frames[k]).toBeGreaterThan(frames[k - 1]!);
      }),
      fuzzRuns(300),
    );
  });

  test("a path that the search takes can be said: each token is within the margin of its frame's best class", () => {
    const graph = graphOf(["ав", "бг"], 10);
    fc.assert(
      fc.property(rows, (given) => {
        const scores = normalised(given);
        const { ids, frames } = decodeCtcWithHotWords(scores, form(given.length), graph);
        for (const [index, id] of ids.entries()) {
          const at = frames[index]! * classes;
          const top = Math.max(...scores.subarray(at, at + classes));
          expect(scores[at + id]!).toBeGreaterThanOrEqual(top - 7);
        }
      }),
      fuzzRuns(300),
    );
  });

  const say = (phrases: readonly string[], boost: number, given: readonly (readonly number[])[]): string => {
    const { ids } = decodeCtcWithHotWords(normalised(given), form(given.length), graphOf(phrases, boost));
    return [...ids].map((id) => PIECES[id]).join("");
  };

  /** "▁а" a little less likely than "▁б" for two frames, then "в". */
  const close = [row({}), row({ "▁б": 5, "▁а": 3.5 }), row({ "▁б": 5, "▁а": 3.5 }), row({}), row({ в: 5 }), row({})];

  test("a phrase wins where the model nearly says it, also when its piece lasts", () => {
    expect(say([], 3, close)).toBe("▁бв");
    expect(say(["ав"], 3, close)).toBe("▁бв");
    expect(say(["ав"], 6, close)).toBe("▁ав");
  });

  test("the bonus of a phrase that does not go on is taken back", () => {
    expect(say(["авг"], 6, close)).toBe("▁бв");
  });

  test("two equal pieces of a phrase are kept apart by a blank between them", () => {
    const doubled = [row({ "▁а": 5 }), row({ в: 5 }), row({ в: 5, "": 2 }), row({ в: 5 }), row({})];
    expect(say([], 3, doubled)).toBe("▁ав");
    expect(say(["авв"], 10, doubled)).toBe("▁авв");
  });

  test("nothing is invented in silence, at the highest boost", () => {
    const silence = Array.from({ length: 20 }, () => row({ "▁а": -9, в: -9 }));
    expect(say(["ав"], 10, silence)).toBe("");
  });

  test("a phrase said again within a second earns nothing more", () => {
    const again = Array.from({ length: 3 }, () => [row({ "▁б": 5, "▁а": 3.2 }), row({ в: 5 }), row({})]).flat();
    expect(say(["ав"], 6, again)).toBe("▁ав▁бв▁бв");
  });
});
