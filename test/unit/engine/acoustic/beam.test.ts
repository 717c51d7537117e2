import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeWithHotWords } from "../../../../src/engine/acoustic/beam.ts";
import { decodeGreedy, type Transducer } from "../../../../src/engine/acoustic/greedy.ts";
import { compileHotWords } from "../../../../src/engine/acoustic/hot-words.ts";
import { createVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";

const PIECES = ["<unk>", "▁а", "▁б", "в", "г", "▁в", "▁г"];
const vocabulary = createVocabulary(PIECES);
const { blank } = vocabulary;
const classes = blank + 1;

type Row = readonly number[];
/** Scores depend on the frame and on the last token, as in a real transducer; the state is the text so far. */
function tabled(scoreOf: (frame: number, said: readonly number[]) => Row, logSoftmaxed = true) {
  const calls = { joint: 0, predict: 0 };
  const row = (said: readonly number[], frame: number): Float32Array => {
    const scores = Float32Array.from(scoreOf(frame, said));
    if (!logSoftmaxed) return scores;
    const norm = Math.log(scores.reduce((sum, score) => sum + Math.exp(score), 0));
    return scores.map((score) => score - norm);
  };
  const rows = (list: readonly Float32Array[]): Float32Array => {
    calls.joint++;
    const all = new Float32Array(list.length * classes);
    for (const [index, one] of list.entries()) all.set(one, index * classes);
    return all;
  };
  const transducer: Transducer<readonly number[]> = {
    classes,
    blank,
    maxBlock: 4,
    logSoftmaxed,
    start: () => Promise.resolve([]),
    predict: (before, token) => {
      calls.predict++;
      return Promise.resolve([...before, token]);
    },
    joint: (said, first, count) =>
      Promise.resolve(rows(Array.from({ length: count }, (_, index) => row(said, first + index)))),
    jointOf: (predictions, frame) => Promise.resolve(rows(predictions.map((said) => row(said, frame)))),
  };
  return { transducer, calls };
}

/** Scores by chance, the same for the same frame and last token. */
const byChance =
  (seed: number, spread: number) =>
  (frame: number, said: readonly number[]): Row =>
    Array.from({ length: classes }, (_, token) => {
      const x = Math.sin(seed + frame * 12.9898 + (said.at(-1) ?? -1) * 78.233 + token * 37.719) * 43758.5453;
      return (x - Math.floor(x)) * spread;
    });

describe("search with hot words", () => {
  test("without phrases it finds what the greedy search finds, with as few calls", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 0, max: 40 }),
        fc.boolean(),
        async (seed, frames, logs) => {
          const scores = byChance(seed, 12);
          const [greedy, beam] = [tabled(scores, logs), tabled(scores, logs)];
          const expected = await decodeGreedy(greedy.transducer, frames, 3);
          const { tokens: found } = await decodeWithHotWords(
            beam.transducer,
            compileHotWords([], vocabulary),
            frames,
            3,
          );
          expect([...found.ids]).toEqual([...expected.ids]);
          expect([...found.frames]).toEqual([...expected.frames]);
          for (const [index, probability] of found.probabilities.entries())
            expect(probability).toBeCloseTo(expected.probabilities[index]!, 4);
          expect(beam.calls.joint).toBe(greedy.calls.joint);
          expect(beam.calls.predict).toBeLessThanOrEqual(greedy.calls.predict);
        },
      ),
      fuzzRuns(400),
    );
  });

  test("knows the reading without phrases, at any boost: from where it was given up, the greedy search goes on", async () => {
    const list = ["ав", "бг", "аг вв", "вг", "а"].map((text) => ({ text, boost: 4 }));
    let searchedAgain = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 0, max: 1e6 }),
        fc.integer({ min: 0, max: 40 }),
        fc.integer({ min: 1, max: 3 }),
        async (seed, frames, maxSymbols) => {
          const scores = byChance(seed, 6);
          const [greedy, beam] = [tabled(scores), tabled(scores)];
          const expected = await decodeGreedy(greedy.transducer, frames, maxSymbols);
          const graph = compileHotWords(list, vocabulary);
          const found = await decodeWithHotWords(beam.transducer, graph, frames, maxSymbols);
          const before = beam.calls.joint;
          const plain = await found.plain();
          expect([...plain.ids]).toEqual([...expected.ids]);
          expect([...plain.frames]).toEqual([...expected.frames]);
          if (found.isPlain) expect(found.tokens).toEqual(plain);
          if (beam.calls.joint > before) searchedAgain++;
          expect(beam.calls.joint - before).toBeLessThanOrEqual(greedy.calls.joint);
        },
      ),
      fuzzRuns(400),
    );
    expect(searchedAgain).toBeGreaterThan(3);
  });

  test("never exceeds the symbols of a frame, keeps frames in order and ends, at any boost", async () => {
    const list = ["ав", "бг", "аг вв", "вг"].map((text) => ({ text, boost: 10 }));
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 1, max: 30 }), async (seed, frames) => {
        const { transducer } = tabled(byChance(seed, 6));
        const { tokens: found } = await decodeWithHotWords(transducer, compileHotWords(list, vocabulary), frames, 2);
        expect([...found.frames]).toEqual([...found.frames].toSorted((a, b) => a - b));
        for (let frame = 0; frame < frames; frame++)
          expect(found.frames.filter((at) => at === frame).length).toBeLessThanOrEqual(2);
        expect(found.ids.every((id) => id !== blank)).toBe(true);
      }),
      fuzzRuns(400),
    );
  });

  /** "▁а" a little less likely than "▁б" in frame 2, then "в" in frame 4 wherever it is asked. */
  const close = (frame: number, said: readonly number[]): Row => {
    const scores = Array.from({ length: classes }, () => -20);
    const done = said.length;
    if (frame === 2 && done === 0) [scores[2], scores[1], scores[blank]] = [0, -3, -8];
    else if (frame === 4 && done === 1) [scores[3], scores[blank]] = [0, -4];
    else scores[blank] = 0;
    return scores;
  };
  const find = async (phrases: readonly string[], boost: number, scores = close): Promise<string> => {
    const { transducer } = tabled(scores);
    const graph = compileHotWords(
      phrases.map((text) => ({ text, boost })),
      vocabulary,
    );
    const { ids } = (await decodeWithHotWords(transducer, graph, 8, 3)).tokens;
    return [...ids].map((id) => PIECES[id]).join("");
  };

  test("a phrase wins where the model nearly says it", async () => {
    expect(await find([], 3)).toBe("▁бв");
    expect(await find(["ав"], 3)).toBe("▁бв");
    expect(await find(["ав"], 6)).toBe("▁ав");
  });

  test("the bonus of a phrase that does not go on is taken back", async () => {
    expect(await find(["авг"], 6)).toBe("▁бв");
  });

  test("nothing is invented in silence, at the highest boost", async () => {
    const silence = (): Row => Array.from({ length: classes }, (_, token) => (token === blank ? 0 : -9));
    expect(await find(["ав", "бг"], 10, silence)).toBe("");
  });
});
