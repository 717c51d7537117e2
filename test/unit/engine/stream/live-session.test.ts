import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Word } from "../../../../src/engine/contract.ts";
import type { SpanReader } from "../../../../src/engine/windows/span-reader.ts";
import { fuzzCases } from "../../../support/fuzz.ts";
import {
  createRandom,
  finalsOf,
  listen,
  randomSpeech,
  say,
  sentence,
  SETTINGS,
  toPcm,
  truthfulReader,
  wordsOf,
  type Spoken,
  type Told,
} from "./spoken.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Sends PCM in pieces of random sizes: real time on the fake clock, or as fast as it goes. */
async function stream(told: Told, pcm: Uint8Array, random: () => number, pace: "real time" | "at once"): Promise<void> {
  for (let at = 0; at < pcm.length;) {
    const bytes = random() < 0.1 ? 1 : Math.ceil(random() ** 3 * 32_000);
    told.session.write(pcm.slice(at, at + bytes));
    at += bytes;
    if (pace === "real time") await vi.advanceTimersByTimeAsync(bytes / 32);
  }
  const end = told.session.end();
  await vi.runAllTimersAsync();
  await end;
}

/** Every rule of a stream's hypotheses that holds whatever was said. */
function checkPromises(told: Told, mayFail = false): void {
  let promised = "";
  for (const hypothesis of told.hypotheses) {
    expect(hypothesis.committed.startsWith(promised)).toBe(true);
    promised = hypothesis.type === "final" ? "" : hypothesis.committed;
  }
  const finals = finalsOf(told);
  expect(finals.filter(({ endpointReason }) => endpointReason === "stop")).toHaveLength(1);
  expect(told.hypotheses.at(-1)).toMatchObject({ type: "final", endpointReason: "stop" });
  if (!mayFail) expect(told.errors).toEqual([]);
  checkUtterances(told);
}

/** Utterances begin, end and get one final each, or none when nothing was recognised; the last one has the final of the stream. */
function checkUtterances({ events }: Told): void {
  let isOpen = false;
  let waiting = 0;
  let lastS = 0;
  for (const [index, { type, atS }] of events.entries()) {
    if (type === "began") expect(isOpen).toBe(false);
    if (type === "ended") expect(isOpen).toBe(true);
    if (type === "began" || type === "ended") {
      isOpen = type === "began";
      expect(atS).toBeGreaterThanOrEqual(lastS);
      lastS = atS;
    }
    if (type === "ended") waiting++;
    else if (index === events.length - 1) expect(type).toBe("final");
    else if (type !== "began") waiting--;
    expect(waiting).toBeGreaterThanOrEqual(0);
  }
  expect(waiting).toBe(0);
}

describe.each(["silence", "murmur"] as const)("words with %s behind them", (behind) => {
  test.each(["auto", "assistant", "manual"] as const)(
    "%s: every word once, in order, and no promise broken, whatever the pauses and pieces",
    async (endpoint) => {
      for (let seed = 1; seed <= fuzzCases(40, { quick: 5 }); seed++) {
        const random = createRandom(seed * 7919);
        const spoken = randomSpeech(random);
        const commitPolicy = random() < 0.5 ? "auto" : "stable_prefix";
        const pace = random() < 0.7 ? "real time" : "at once";
        const reader = truthfulReader(spoken, () => 20 + random() * 300);
        const told = listen(reader, { endpoint, commitPolicy, minSilenceMs: 300 + Math.floor(random() * 1200) });
        await stream(told, toPcm(spoken, behind), random, pace);
        expect(wordsOf(finalsOf(told)), `seed ${seed}, ${commitPolicy}, ${pace}`).toEqual(
          spoken.words.map(({ word }) => word),
        );
        checkPromises(told);
      }
    },
    120_000,
  );
});

async function hear(spoken: Spoken, options: Parameters<typeof listen>[1] = {}, settings = SETTINGS): Promise<Told> {
  const told = listen(
    truthfulReader(spoken, () => 50),
    options,
    settings,
  );
  await stream(told, toPcm(spoken), () => 0.5, "real time");
  return told;
}

test("words committed behind the place where the window is cut are said once", async () => {
  // The longest pause lies at 1.8 s, the window is full at 5 s: by then words behind the pause are committed.
  const spoken = say(0, [...sentence(180, 25), ...sentence(450, 100)]);
  const told = await hear(spoken, { commitPolicy: "stable_prefix" }, { ...SETTINGS, windows: { mergeS: 0, maxS: 5 } });
  const finals = finalsOf(told);
  expect(finals.map(({ endpointReason }) => endpointReason)).toEqual(["length", "vad", "stop"]);
  expect(finals[0]!.words.at(-1)!.end).toBeGreaterThan(2);
  expect(wordsOf(finals)).toEqual(spoken.words.map(({ word }) => word));
});

test.each([5, 8, 12, 19])(
  "a word that ends %d frames before a window is full of speech without a pause is not lost",
  async (silence) => {
    const spoken = say(0, [...sentence(800 - silence - 30, 5), [25, 400]]);
    const told = await hear(spoken, { endpoint: "assistant" });
    expect(wordsOf(finalsOf(told))).toEqual(spoken.words.map(({ word }) => word));
  },
);

test("a speaker who stops just when the window is full gets an end of speech, not a cut", async () => {
  const told = await hear(say(0, [...sentence(770, 300)]));
  expect(finalsOf(told).map(({ endpointReason, speechFinal }) => [endpointReason, speechFinal])).toEqual([
    ["vad", true],
    ["stop", true],
  ]);
});

test("a short pause late in a long window ends the window and not the utterance: its words are committed at once", async () => {
  const spoken = say(0, [...sentence(770, 45), ...sentence(300, 100)]);
  const told = await hear(spoken);
  expect(finalsOf(told).map(({ endpointReason }) => endpointReason)).toEqual(["vad", "stop"]);
  expect(wordsOf(finalsOf(told))).toEqual(spoken.words.map(({ word }) => word));
  const first = spoken.words.filter(({ to }) => to <= 770).map(({ word }) => word);
  expect(told.hypotheses.some(({ type, committed }) => type === "partial" && committed === first.join(" "))).toBe(true);
});

test("an utterance of many windows that is over 24 s long is cut when its speaker goes on, and ended when not", async () => {
  const phrases = Array.from({ length: 4 }, () => sentence(600, 90)).flat();
  const goesOn = await hear(say(0, [...phrases, ...sentence(300, 200)]), { minSilenceMs: 1500 });
  expect(finalsOf(goesOn).map(({ endpointReason }) => endpointReason)).toEqual(["length", "vad", "stop"]);
  const stops = await hear(say(0, [...phrases.slice(0, -1), [1, 200]]), { minSilenceMs: 1500 });
  expect(finalsOf(stops).map(({ endpointReason }) => endpointReason)).toEqual(["vad", "stop"]);
});

test.each(["auto", "assistant", "manual"] as const)(
  "%s: silence alone, or nothing at all, gives one empty final",
  async (endpoint) => {
    for (const frames of [0, 1, 30, 1000]) {
      const told = await hear({ words: [], frames }, { endpoint });
      expect(told.hypotheses).toMatchObject([{ type: "final", committed: "", endpointReason: "stop" }]);
    }
  },
);

test("a partial that failed is asked for again, though no audio comes meanwhile", async () => {
  const spoken = say(0, sentence(600, 100));
  const truthful = truthfulReader(spoken, () => 50);
  let failures = 3;
  const told = listen({
    ...truthful,
    read: (...asked) => (failures-- > 0 ? Promise.reject(new Error("no worker is alive")) : truthful.read(...asked)),
  });
  // Five seconds at once, and then the client is held back until they are read.
  told.session.write(toPcm(spoken).subarray(0, 5 * 32_000));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told.coveredMs.at(-1)).toBeGreaterThan(4900);
  expect(told.errors).toEqual([]);
  told.session.abort();
  expect(vi.getTimerCount()).toBe(0);
});

/** Hears the newest words wrong now and then, splits or drops one, and fails: as a model and a loaded machine do. */
function erraticReader(truthful: SpanReader, random: () => number, failing: number): SpanReader {
  const garble = (words: readonly Word[], wrong: number): Word[] =>
    words.flatMap((word, index) => {
      const chance = random() / (words.length - index <= 3 ? 3 : 0.3);
      if (chance < wrong / 10) return [];
      if (chance < wrong / 5) {
        const middle = (word.start + word.end) / 2;
        return [
          { ...word, word: `${word.word}a`, end: middle },
          { ...word, word: "b", start: middle },
        ];
      }
      return [chance < wrong ? { ...word, word: `${word.word}x` } : word];
    });
  const orFail = <Answer>(answer: Promise<Answer>): Promise<Answer> =>
    random() < failing ? answer.then(() => Promise.reject(new Error("no worker is alive"))) : answer;
  return {
    read: async (...asked) => garble(await orFail(truthful.read(...asked)), 0.1),
    readFinal: async (...asked) => garble(await orFail(truthful.readFinal(...asked)), 0.02),
  };
}

test("what was committed stays, times rise and the last final comes, however the readings differ and fail", async () => {
  for (let seed = 1; seed <= fuzzCases(40, { quick: 5 }); seed++) {
    const random = createRandom(seed * 31_337);
    const spoken = randomSpeech(random);
    const failing = random() < 0.4 ? 0.15 : 0;
    const reader = erraticReader(
      truthfulReader(spoken, () => 20 + random() * 300),
      random,
      failing,
    );
    const told = listen(reader, {
      endpoint: (["auto", "assistant", "manual"] as const)[seed % 3]!,
      commitPolicy: random() < 0.5 ? "auto" : "stable_prefix",
    });
    await stream(told, toPcm(spoken, random() < 0.5 ? "murmur" : "silence"), random, "real time");
    checkPromises(told, failing > 0);
    for (const { words } of told.hypotheses) {
      const starts = words.map(({ start }) => start);
      expect(starts, `seed ${seed}`).toEqual(starts.toSorted((a, b) => a - b));
    }
    expect(vi.getTimerCount()).toBe(0);
  }
}, 120_000);

test("an aborted session says nothing more, drops its windows and leaves no timer, ending or not", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const random = createRandom(seed);
    const spoken = randomSpeech(random);
    const told = listen(truthfulReader(spoken, () => 20 + random() * 300));
    const pcm = toPcm(spoken);
    for (let at = 0; at < pcm.length * random(); at += 16_000) {
      told.session.write(pcm.slice(at, at + 16_000));
      await vi.advanceTimersByTimeAsync(500);
    }
    const before = told.hypotheses.length;
    const end = seed % 2 === 0 ? told.session.end() : undefined;
    told.session.abort();
    expect(vi.getTimerCount()).toBe(0);
    await end;
    await vi.runAllTimersAsync();
    expect(told.hypotheses).toHaveLength(before);
    expect(told.errors).toEqual([]);
  }
});

test.each([
  { confidence: 0.5, isShown: false },
  { confidence: 0.95, isShown: true },
])(
  "half a word at the end of the audio, of confidence $confidence, is shown: $isShown",
  async ({ confidence, isShown }) => {
    const spoken = say(20, sentence(400, 100));
    const truthful = truthfulReader(spoken, () => 50);
    const reader: SpanReader = {
      ...truthful,
      async read(frames, span, options) {
        const words = await truthful.read(frames, span, options);
        const toS = span.to / 100;
        return [
          ...words.filter(({ end }) => end < toS - 0.1),
          { word: "half", start: toS - 0.1, end: toS, confidence },
        ];
      },
    };
    const told = listen(reader);
    await stream(told, toPcm(spoken), createRandom(3), "real time");
    const shown = told.hypotheses.filter(({ type, words }) => type === "partial" && words.length > 1);
    expect(shown.length).toBeGreaterThan(2);
    expect(shown.some(({ words }) => words.at(-1)!.word === "half")).toBe(isShown);
    checkPromises(told);
  },
);
