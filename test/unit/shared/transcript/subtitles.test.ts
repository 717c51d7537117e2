import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { configSchema } from "../../../../src/config/schema/schema.ts";
import { parseDurationMs } from "../../../../src/shared/units.ts";
import { atomsOf } from "../../../../src/shared/transcript/atoms.ts";
import { spokenWords } from "../../../../src/shared/transcript/spoken-words.ts";
import { DEFAULT_SUBTITLE_RULES } from "../../../../src/shared/transcript/subtitle-rules.ts";
import type { SubtitleRules } from "../../../../src/shared/transcript/subtitle-rules.ts";
import { subtitlesOf } from "../../../../src/shared/transcript/subtitles.ts";
import type { Subtitle } from "../../../../src/shared/transcript/subtitles.ts";
import { characters } from "../../../../src/shared/transcript/transcript.ts";
import type { FormattableTranscript } from "../../../../src/shared/transcript/transcript.ts";
import { fuzzRuns } from "../../../support/fuzz.ts";
import { hostileSpeech, ordinarySpeech } from "../../../support/speech.ts";

const anyRules: fc.Arbitrary<SubtitleRules> = fc.record({
  maxCharsPerLine: fc.integer({ min: 1, max: 90 }),
  maxWordsPerLine: fc.integer({ min: 1, max: 20 }),
  maxLines: fc.integer({ min: 1, max: 4 }),
  maxCharsPerSecond: fc.integer({ min: 5, max: 40 }),
  minDurationMs: fc.integer({ min: 100, max: 3000 }),
  maxDurationMs: fc.integer({ min: 3000, max: 20_000 }),
  minGapMs: fc.integer({ min: 0, max: 500 }),
});

/** Broadcasters' rules mostly, and any others. */
const rulesOrDefault = fc.oneof(fc.constant(DEFAULT_SUBTITLE_RULES), anyRules);

interface Case {
  readonly transcript: FormattableTranscript;
  readonly rules: SubtitleRules;
  readonly prefixChars: number;
  readonly subtitles: readonly Subtitle[];
}

/** Checks a rule over random speech. */
function holds(speech: fc.Arbitrary<FormattableTranscript>, check: (given: Case) => void): void {
  fc.assert(
    fc.property(speech, rulesOrDefault, fc.constantFrom(0, 0, 4, 14), (transcript, rules, prefixChars) => {
      check({ transcript, rules, prefixChars, subtitles: subtitlesOf(transcript, rules, prefixChars) });
    }),
    fuzzRuns(4000),
  );
}

const anySpeech = fc.oneof(ordinarySpeech, hostileSpeech);
const textOf = (words: readonly { readonly word: string }[]): string => words.map(({ word }) => word).join(" ");

describe("subtitles of random speech", () => {
  test("hold every word once, whole and in order", () => {
    holds(anySpeech, ({ transcript, subtitles }) => {
      expect(textOf(subtitles.flatMap(({ lines }) => lines.flat()))).toBe(textOf(spokenWords(transcript)));
    });
  });

  test("have no line over its length, unless it is one word, and none over its words", () => {
    holds(anySpeech, ({ rules, prefixChars, subtitles }) => {
      for (const { lines } of subtitles) {
        for (const [index, line] of lines.entries()) {
          const chars = characters(textOf(line)) + (index === 0 ? prefixChars : 0);
          if (line.length > 1) expect(chars).toBeLessThanOrEqual(rules.maxCharsPerLine);
          expect(line.length).toBeLessThanOrEqual(rules.maxWordsPerLine);
        }
      }
    });
  });

  test("have at least one line and at most as many as allowed", () => {
    holds(anySpeech, ({ rules, subtitles }) => {
      for (const { lines } of subtitles) {
        expect(lines.length).toBeGreaterThan(0);
        expect(lines.length).toBeLessThanOrEqual(rules.maxLines);
      }
    });
  });

  test("follow each other without overlap, and each end is after its start", () => {
    holds(anySpeech, ({ subtitles }) => {
      for (const [index, { startMs, endMs }] of subtitles.entries()) {
        expect(Number.isSafeInteger(startMs) && Number.isSafeInteger(endMs)).toBe(true);
        expect(endMs).toBeGreaterThan(startMs);
        expect(endMs).toBeLessThanOrEqual(subtitles[index + 1]?.startMs ?? Infinity);
      }
    });
  });

  test("are never shown longer than allowed, nor after the recording", () => {
    holds(anySpeech, ({ rules, subtitles }) => {
      for (const { startMs, endMs } of subtitles) expect(endMs - startMs).toBeLessThanOrEqual(rules.maxDurationMs);
    });
    holds(ordinarySpeech, ({ transcript, subtitles }) => {
      for (const { startMs, endMs } of subtitles)
        expect(endMs).toBeLessThanOrEqual(Math.max(Math.round(transcript.durationS * 1000), startMs + 1));
    });
  });

  test("are shown for the least time, and long enough to be read and said, unless the next one or the end is in the way", () => {
    holds(ordinarySpeech, ({ transcript, rules, prefixChars, subtitles }) => {
      for (const [index, { startMs, endMs, lines }] of subtitles.entries()) {
        const words = lines.flat();
        const chars = prefixChars + characters(textOf(words));
        const next = subtitles[index + 1];
        const isHeldBack =
          (next !== undefined && next.startMs - endMs <= rules.minGapMs) ||
          endMs - startMs === rules.maxDurationMs ||
          endMs >= Math.round(transcript.durationS * 1000);
        if (isHeldBack) continue;
        expect(endMs - startMs).toBeGreaterThanOrEqual(rules.minDurationMs);
        expect((chars * 1000) / (endMs - startMs)).toBeLessThanOrEqual(rules.maxCharsPerSecond);
        expect(endMs).toBeGreaterThanOrEqual(Math.round(words.at(-1)!.spokenUntil * 1000));
      }
    });
  });

  test("leave the gap, or half of what there is; a short gap is closed to it", () => {
    holds(ordinarySpeech, ({ transcript, rules, subtitles }) => {
      for (const [index, { startMs, endMs }] of subtitles.entries()) {
        const next = subtitles[index + 1];
        if (next === undefined || endMs >= Math.round(transcript.durationS * 1000)) continue;
        const gapMs = next.startMs - endMs;
        const wantedMs = Math.min(rules.minGapMs, Math.floor((next.startMs - startMs) / 2));
        expect(gapMs).toBeGreaterThanOrEqual(wantedMs);
        const isFree = endMs - startMs < rules.maxDurationMs;
        if (isFree && gapMs > wantedMs) expect(gapMs).toBeGreaterThanOrEqual(500);
      }
    });
  });

  test("begin with their first word, unless words came in one burst", () => {
    holds(ordinarySpeech, ({ subtitles }) => {
      for (const { startMs, lines } of subtitles) {
        const first = lines[0]![0]!;
        expect(startMs).toBeGreaterThanOrEqual(Math.round(first.start * 1000));
        expect(startMs).toBeLessThanOrEqual(Math.round(first.spokenFrom * 1000) + 2);
      }
    });
  });

  test("hold no pause over 0.9 s", () => {
    holds(anySpeech, ({ subtitles }) => {
      for (const { lines } of subtitles) {
        const words = lines.flat();
        for (const [index, word] of words.entries())
          expect((words[index + 1]?.start ?? 0) - word.spokenUntil).toBeLessThanOrEqual(0.9);
      }
    });
  });

  test("break lines only between atoms: a preposition, a particle, a dash or a unit stays with its word", () => {
    holds(ordinarySpeech, ({ transcript, rules, prefixChars, subtitles }) => {
      const lines = subtitles.flatMap((subtitle) => subtitle.lines.map((line) => textOf(line)));
      const atoms = atomsOf(spokenWords(transcript), rules, rules.maxCharsPerLine - prefixChars);
      let rest = lines.join("\n");
      for (const { words } of atoms) {
        const text = textOf(words);
        expect(rest.startsWith(text)).toBe(true);
        rest = rest.slice(text.length + 1);
      }
    });
  });

  test("of four hours take well under a second of one core a hour", () => {
    const words = Array.from({ length: 36_000 }, (_, index) => ({
      word: index % 9 === 8 ? "слово." : "слово",
      start: index * 0.4,
      end: index * 0.4 + 0.3,
    }));
    const transcript = { text: textOf(words), words, durationS: 14_400 };
    const subtitles = subtitlesOf(transcript, DEFAULT_SUBTITLE_RULES);
    expect(subtitles.flatMap(({ lines }) => lines.flat())).toHaveLength(36_000);
  });
});

describe("Russian typography", () => {
  const linesOf = (text: string, rules: Partial<SubtitleRules> = {}): string[] => {
    const words = text.split(" ").map((word, index) => ({ word, start: index * 0.4, end: index * 0.4 + 0.38 }));
    const transcript = { text, words, durationS: words.length * 0.4 + 5 };
    return subtitlesOf(transcript, { ...DEFAULT_SUBTITLE_RULES, ...rules }).flatMap(({ lines }) => lines.map(textOf));
  };

  test.each([
    ["мы долго ждали поезда на вокзале", 24, ["мы долго ждали", "поезда на вокзале"]],
    ["он приехал бы если смог", 11, ["он", "приехал бы", "если смог"]],
    ["Москва — столица большой страны", 17, ["Москва — столица", "большой страны"]],
    ["это стоит целых 15 000 руб. теперь", 20, ["это стоит целых", "15 000 руб.", "теперь"]],
    ["роман написал А. С. Пушкин недавно", 20, ["роман написал", "А. С. Пушкин недавно"]],
    ["он живёт в доме № 5 на углу", 16, ["он живёт в доме", "№ 5 на углу"]],
  ])("%s", (text, maxCharsPerLine, lines) => {
    expect(linesOf(text, { maxCharsPerLine })).toEqual(lines);
  });

  test("prefers to end a line after a clause, and a subtitle after a sentence", () => {
    expect(
      linesOf("Когда пришла весна, мы поехали на дачу. Там было тихо, и никто нам не мешал работать в саду."),
    ).toEqual(["Когда пришла весна, мы поехали на дачу.", "Там было тихо, и никто нам", "не мешал работать в саду."]);
  });
});

test("the defaults are those of the configuration", () => {
  const defaults = Object.entries(configSchema.properties.subtitles.properties).map(([key, leaf]) => {
    const value = "default" in leaf ? leaf.default : undefined;
    return typeof value === "string" ? [`${key}Ms`, parseDurationMs(value)] : [key, value];
  });
  expect(Object.fromEntries(defaults)).toEqual(DEFAULT_SUBTITLE_RULES);
});
