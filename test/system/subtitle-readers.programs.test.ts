import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { exportTranscript } from "../../src/shared/transcript/export.ts";
import { DEFAULT_SUBTITLE_RULES } from "../../src/shared/transcript/subtitle-rules.ts";
import { subtitlesOf } from "../../src/shared/transcript/subtitles.ts";
import type { FormattableTranscript } from "../../src/shared/transcript/transcript.ts";
import { fuzzRuns } from "../support/fuzz.ts";
import { missingPython, runPython } from "../support/python.ts";
import { hostileSpeech, ordinarySpeech } from "../support/speech.ts";

type Cue = readonly [startMs: number, endMs: number, text: string];
type Seen = Readonly<Record<"srt" | "webvtt" | "karaoke" | "pysubs2", readonly Cue[]>>;

const missing = missingPython("srt", "webvtt", "pysubs2");
const { numRuns, seed } = fuzzRuns(2000);

describe.skipIf(missing !== undefined)(`readers of PyPI${missing === undefined ? "" : ` (${missing})`}`, () => {
  test("see exactly the subtitles that were laid out, whatever was said", () => {
    const speeches = fc.sample(fc.oneof(ordinarySpeech, hostileSpeech), { numRuns, seed });
    const seen = read(speeches.map((speech) => [speech]));
    for (const [index, speech] of speeches.entries()) {
      const subtitles = subtitlesOf(speech, DEFAULT_SUBTITLE_RULES);
      const times = subtitles.map(({ startMs, endMs }) => [startMs, endMs]);
      const words = subtitles.map(({ lines }) =>
        lines.map((line) => line.map(({ word }) => word).join(" ")).join("\n"),
      );
      const { srt, webvtt, karaoke, pysubs2 } = seen[index]!; // one for each
      for (const cues of [srt, webvtt, karaoke, pysubs2])
        expect(cues.map(([start, end]) => [start, end])).toEqual(times);
      expect(webvtt.map(([, , text]) => unescape(text))).toEqual(words);
      expect(karaoke.map(([, , text]) => unescape(withoutTimes(text)))).toEqual(words);
      expect(srt.map(([, , text]) => text.replace(/\u2060$/, ""))).toEqual(words.map(lookalike));
      expect(pysubs2.map(([, , text]) => text.replace(/\u2060$/, ""))).toEqual(words.map(lookalike));
    }
  });

  test("see the channel before every subtitle of a recording with two", () => {
    const pairs = fc.sample(fc.tuple(ordinarySpeech, ordinarySpeech), { numRuns: Math.ceil(numRuns / 10), seed });
    for (const { srt, webvtt } of read(pairs)) {
      for (const [, , text] of srt) expect(text).toMatch(/^\[[12]\] /);
      for (const [, , text] of webvtt) expect(text).toMatch(/^<v Channel [12]>/);
    }
  });
});

function read(all: readonly (readonly FormattableTranscript[])[]): readonly Seen[] {
  const files = all.map((transcripts) => ({
    srt: exportTranscript(transcripts, "srt"),
    vtt: exportTranscript(transcripts, "vtt"),
    karaoke: exportTranscript(transcripts, "vtt", { karaoke: true }),
  }));
  return runPython("subtitle-readers.py", files) as readonly Seen[]; // what our program prints
}

function unescape(text: string): string {
  // Nothing but our own escapes.
  expect(text.replace(/&(?:lt|gt|amp);/g, "")).not.toMatch(/[<>&]/);
  return text.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
}

function withoutTimes(text: string): string {
  return text.replace(/<\d\d+:\d\d:\d\d\.\d{3}>/g, "");
}

function lookalike(text: string): string {
  const map: Readonly<Record<string, string>> = { "<": "‹", ">": "›", "{": "(", "}": ")", "\\": "/" };
  return text
    .replaceAll("-->", "→")
    .replace(/[<>{}\\]/g, (character) => map[character] ?? "")
    .replace(/(\d):(?=\d+:\d+[.,]\d)/g, "$1∶");
}
