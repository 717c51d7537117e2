import { expect, test } from "vitest";
import type { Transcript } from "../../../../src/engine/contract.ts";
import { runFileJob } from "../../../../src/engine/file/job.ts";
import type { SpanReader } from "../../../../src/engine/windows/span-reader.ts";
import { fuzzCases } from "../../../support/fuzz.ts";
import {
  createRandom,
  listen,
  randomSpeech,
  say,
  sentence,
  SETTINGS,
  toPcm,
  truthfulReader,
  type Spoken,
} from "../stream/spoken.ts";

/** Recognises it as headerless PCM in pieces of random sizes, with a reader that hears the truth. */
async function recognise(
  spoken: Spoken,
  random: () => number,
  behind?: "murmur",
  reader: SpanReader = truthfulReader(spoken, () => 0),
): Promise<Transcript> {
  const pcm = toPcm(spoken, behind);
  async function* body(): AsyncGenerator<Uint8Array, void, undefined> {
    for (let at = 0; at < pcm.length;) {
      const bytes = random() < 0.2 ? 1 : Math.ceil(random() * 60_000);
      yield pcm.slice(at, at + bytes);
      at += bytes;
    }
  }
  const [transcript] = await runFileJob({
    bytes: body(),
    options: {
      channels: "mix",
      headerless: { codec: "s16le", sampleRateHz: 16_000 },
      maxDurationMs: 1e9,
      track: undefined,
      strict: false,
      wantsHypotheses: false,
      wantsPeaks: false,
      known: [],
      wantsReadings: false,
      hotWords: undefined,
    },
    settings: SETTINGS,
    reader,
    signal: new AbortController().signal,
    mayGoOn: () => undefined,
    onProgress: () => {},
    onReading: () => {},
    onHypothesis: async () => {},
  });
  return transcript!;
}

test("every word of a recording once, in order and at its time, whatever the pauses and pieces", async () => {
  for (let seed = 1; seed <= fuzzCases(60, { quick: 5 }); seed++) {
    const random = createRandom(seed * 104_729);
    const spoken = randomSpeech(random);
    const { words, durationS } = await recognise(spoken, random);
    expect(
      words.map(({ word, start, end }) => [word, start, end]),
      `seed ${seed}`,
    ).toEqual(spoken.words.map(({ word, from, to }) => [word, from / 100, to / 100]));
    expect(durationS).toBeCloseTo(spoken.frames / 100, 1);
  }
}, 120_000);

test("the same where the sound never falls silent and only the words tell where to cut", async () => {
  for (let seed = 1; seed <= fuzzCases(60, { quick: 5 }); seed++) {
    const random = createRandom(seed * 15_485_863);
    const spoken = randomSpeech(random);
    const { words } = await recognise(spoken, random, "murmur");
    expect(
      words.map(({ word }) => word),
      `seed ${seed}`,
    ).toEqual(spoken.words.map(({ word }) => word));
  }
}, 120_000);

test.each([5, 8, 12, 19])(
  "a word that ends %d frames before a window is full without a pause is not lost",
  async (silence) => {
    const spoken = say(0, [...sentence(800 - silence - 30, 5), [25, 400]]);
    const { words } = await recognise(spoken, () => 0.5);
    expect(words.map(({ word }) => word)).toEqual(spoken.words.map(({ word }) => word));
  },
);

test("a stream is read in the windows of its file, whatever its pieces and its endpoint's silence", async () => {
  for (let seed = 1; seed <= fuzzCases(30, { quick: 5 }); seed++) {
    const random = createRandom(seed * 7);
    const spoken = randomSpeech(random);
    const ofFile = truthfulReader(spoken, () => 0);
    await recognise(spoken, random, undefined, ofFile);
    const ofStream = truthfulReader(spoken, () => 0);
    const { session } = listen(ofStream, { minSilenceMs: 600 + random() * 1000 });
    const pcm = toPcm(spoken);
    for (let at = 0; at < pcm.length;) {
      const bytes = Math.ceil(random() * 20_000);
      session.write(pcm.slice(at, at + bytes));
      at += bytes;
    }
    await session.end();
    expect(ofStream.spans, `seed ${seed}`).toEqual(ofFile.spans);
  }
}, 120_000);
