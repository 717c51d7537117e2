import { expect, test } from "vitest";
import { createVocabulary } from "../../../../src/engine/acoustic/vocabulary.ts";
import { inSequence, type Tokens, tokensToWords } from "../../../../src/engine/acoustic/words.ts";
import { alignTokens } from "../../../../src/engine/align/align.ts";
import { bestPath, type SoundState } from "../../../../src/engine/align/best-path.ts";
import { PAUSE, SOUNDS, soundOf } from "../../../../src/engine/align/letter-sounds.ts";
import { DIMENSIONS, observe } from "../../../../src/engine/align/observe.ts";
import { createRandom } from "../audio/mutations.ts";

const MEL_BINS = 64;
const PIECES = [
  "<unk>",
  "▁",
  "▁мо",
  "ск",
  "ва",
  "▁в",
  "▁пять",
  ".",
  "▁—",
  "▁20",
  "5",
  "%",
  "▁wi",
  "fi",
  "ь",
  "▁объ",
  "ё",
  "▁«",
  "»",
];
const vocabulary = createVocabulary(PIECES);

function tokensOf(ids: readonly number[], frames: readonly number[]): Tokens {
  const probabilities = new Float32Array(ids.length).fill(0.9);
  return { ids: Int32Array.from(ids), frames: Int32Array.from(frames), probabilities };
}

test("words of any tokens follow one another, are never empty and lie in their window", () => {
  const next = random(5);
  let aligned = 0;
  for (let run = 0; run < 150; run++) {
    const encodedFrames = 1 + Math.floor(next() * 80);
    const frames = encodedFrames * 4 + Math.floor(next() * 4);
    const features = Float32Array.from({ length: MEL_BINS * frames }, () => -13 + next() * 12);
    const count = Math.floor(next() * Math.min(60, encodedFrames * 3));
    const at = Array.from({ length: count }, () => Math.floor(next() * encodedFrames)).sort((a, b) => a - b);
    const tokens = tokensOf(
      at.map(() => Math.floor(next() * PIECES.length)),
      at,
    );
    const spans = alignTokens({ features, melBins: MEL_BINS, frames, tokens, encodedFrames }, vocabulary);
    if (spans) aligned++;
    for (let k = 0; k + 1 < (spans?.length ?? 0); k++) expect(spans![k + 1]).toBeGreaterThanOrEqual(spans![k]!);
    const startS = Math.floor(next() * 4000) / 100;
    const time = { startS, frameS: frames / 100 / encodedFrames, hopS: 0.01 };
    let lastS = startS;
    for (const { start, end } of inSequence(tokensToWords({ ...tokens, spans }, vocabulary, time), startS)) {
      expect(start).toBeGreaterThanOrEqual(lastS);
      expect(end).toBeGreaterThan(start);
      lastS = end;
    }
    // A millisecond for each word that the model wrote at the very end.
    expect(lastS).toBeLessThanOrEqual(startS + frames / 100 + 0.001 * count + 1e-9);
  }
  expect(aligned).toBeGreaterThan(75);
});

test("letters are found where they sound, however far from there the model wrote them", () => {
  const next = random(7);
  const spoken = [
    { word: "▁москва", from: 20, letters: "москва", stepsEach: 5 },
    { word: "▁в", from: 50, letters: "в", stepsEach: 4 },
    { word: "▁объёме", from: 84, letters: "обёме", stepsEach: 6 },
  ];
  const steps = 140;
  const states: SoundState[] = [];
  const truth = new Int32Array(steps).fill(PAUSE);
  for (const { from, letters, stepsEach } of spoken) {
    states.push(state(PAUSE, true, steps));
    for (const [n, letter] of [...letters].entries()) {
      states.push({
        ...state(soundOf(letter)!, false, steps),
        ...(n === 0 && { expected: from + Math.round((next() - 0.5) * 40) }),
      });
      truth.fill(soundOf(letter)!, from + n * stepsEach, from + (n + 1) * stepsEach);
    }
  }
  states.push(state(PAUSE, true, steps));
  const score = (sound: number, step: number): number =>
    SOUNDS[sound]!.mean.reduce((sum, mean, k) => sum - Math.abs(mean - SOUNDS[truth[step]!]!.mean[k]!), 0);
  const begins = bestPath(states, steps, score, (distance) => Math.min(10, distance))!;
  for (const [at, { sound, isOptional }] of states.entries()) {
    if (isOptional) continue;
    for (let step = begins[at]!; step < begins[at + 1]!; step++) expect(truth[step]).toBe(sound);
  }
});

test("states that do not fit into the steps have no path", () => {
  const tight = Array.from({ length: 4 }, () => state(soundOf("а")!, false, 3));
  expect(
    bestPath(
      tight,
      3,
      () => 0,
      () => 0,
    ),
  ).toBeUndefined();
  expect(
    bestPath(
      tight,
      0,
      () => 0,
      () => 0,
    ),
  ).toBeUndefined();
  expect([
    ...bestPath(
      tight.slice(1),
      3,
      () => 0,
      () => 0,
    )!,
  ]).toEqual([0, 1, 2, 3]);
});

test("what is observed does not depend on the level of the recording", () => {
  const next = random(9);
  const frames = 60;
  const features = Float32Array.from({ length: MEL_BINS * frames }, () => -6 + next() * 5);
  const quiet = observe(features, MEL_BINS, frames);
  const loud = observe(
    features.map((value) => value + 3),
    MEL_BINS,
    frames,
  );
  expect(quiet).toHaveLength(30 * DIMENSIONS);
  for (const [k, value] of quiet.entries()) expect(loud[k]).toBeCloseTo(value, 3);
});

function state(sound: number, isOptional: boolean, steps: number): SoundState {
  return { sound, isOptional, first: 0, last: steps - 1, expected: undefined };
}

/** Numbers in [0, 1), the same for the same seed. */
function random(seed: number): () => number {
  const below = createRandom(seed);
  return () => below(1 << 20) / (1 << 20);
}
