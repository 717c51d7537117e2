import { afterEach, beforeEach, expect, test, vi } from "vitest";
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
} from "./spoken.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

interface Sent {
  readonly spoken: Spoken;
  readonly behind?: "silence" | "murmur";
  readonly frameBytes: () => number;
  readonly pace: "real time" | "at once";
  readonly delayMs: () => number;
  readonly isReadTwice: boolean;
  readonly maxS: number;
}

/** Frames that the encoder saw of a stream, and how many were sent. */
async function cost(sent: Sent): Promise<{ encoded: number; sent: number; longestPartial: number; again: number }> {
  const truthful = truthfulReader(sent.spoken, sent.delayMs);
  let encoded = 0;
  let again = 0;
  let longestPartial = 0;
  let readTo = -1;
  const reader: SpanReader = {
    read(frames, span, options) {
      encoded += span.to - span.from;
      longestPartial = Math.max(longestPartial, span.to - span.from);
      if (span.to <= readTo) again++;
      readTo = span.to;
      return truthful.read(frames, span, options);
    },
    readFinal(frames, span, options) {
      encoded += span.to - span.from;
      if (sent.isReadTwice) {
        encoded += span.to - span.from;
        options.onReadAgain?.(span.to - span.from);
      }
      return truthful.readFinal(frames, span, options);
    },
  };
  const { session } = listen(reader, {}, { ...SETTINGS, windows: { mergeS: 0, maxS: sent.maxS } });
  const pcm = toPcm(sent.spoken, sent.behind);
  for (let at = 0; at < pcm.length;) {
    const bytes = Math.max(1, Math.floor(sent.frameBytes()));
    session.write(pcm.slice(at, at + bytes));
    at += bytes;
    if (sent.pace === "real time") await vi.advanceTimersByTimeAsync(bytes / 32);
  }
  const end = session.end();
  await vi.runAllTimersAsync();
  await end;
  return { encoded, sent: sent.spoken.frames, longestPartial, again };
}

const MOST_READINGS = 3.5;
/** What a stream may take before it has sent much. */
const BEGINNING_FRAMES = 600;
const PATTERNS: Record<string, (random: () => number) => Spoken> = {
  "speech with pauses": randomSpeech,
  "two minutes without a pause": () => say(0, sentence(12_000, 100)),
  "many short words, each an utterance": () =>
    say(
      20,
      Array.from({ length: 60 }, () => [15, 70] as const),
    ),
  "phrases with breaths": () => say(0, Array.from({ length: 40 }, () => sentence(240, 25)).flat()),
  clicks: () =>
    say(
      0,
      Array.from({ length: 300 }, () => [5, 20] as const),
    ),
  silence: () => ({ words: [], frames: 6000 }),
  "sound without words": () => ({ words: [], frames: 6000 }),
};

test.each(Object.keys(PATTERNS))(
  "%s: the encoder sees at most 3.5 times what was sent, and nothing twice in partials",
  async (name) => {
    for (let seed = 1; seed <= fuzzCases(8, { quick: 2 }); seed++) {
      const random = createRandom(seed * 48_271);
      const frame = [2, 640, 3200, 32_000, 200_000][Math.floor(random() * 5)]!;
      const pace = random() < 0.8 ? "real time" : "at once";
      const maxS = random() < 0.5 ? 24 : 8;
      const isReadTwice = random() < 0.5;
      const result = await cost({
        spoken: PATTERNS[name]!(random),
        behind: name === "sound without words" || random() < 0.3 ? "murmur" : "silence",
        // Two bytes at a time would take minutes of test time: most of those frames are larger.
        frameBytes: () => (frame === 2 && random() < 0.9 ? 1600 : frame),
        pace,
        delayMs: () => random() * 300,
        isReadTwice,
        maxS,
      });
      const told = `seed ${seed}, frames of ${frame} bytes, ${pace}`;
      // The second reading of the last window is not paid off yet.
      const unpaid = BEGINNING_FRAMES + (isReadTwice ? 100 * maxS : 0);
      expect(result.encoded, told).toBeLessThanOrEqual(MOST_READINGS * result.sent + unpaid);
      expect(result.longestPartial, told).toBeLessThanOrEqual(300);
      expect(result.again, told).toBe(0);
    }
  },
  120_000,
);

test("a partial interval grows with the time that readings take", async () => {
  const count = async (delayMs: number): Promise<number> => {
    const { encoded } = await cost({
      spoken: say(0, sentence(3000, 100)),
      frameBytes: () => 3200,
      pace: "real time",
      delayMs: () => delayMs,
      isReadTwice: false,
      maxS: 24,
    });
    return encoded;
  };
  const quick = await count(50);
  const slow = await count(900);
  expect(slow).toBeLessThan(quick * 0.9);
});
