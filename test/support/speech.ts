import * as fc from "fast-check";
import type { FormattableTranscript, TimedWord } from "../../src/shared/transcript/transcript.ts";

const LETTERS = [..."абвгдежзийклмнопрстуфхцчшщъыьэюя"];
const SHORT = "в к с о у и а на не по за же ли бы — 5 10 кг % № А.".split(" ");

/** A Russian word of up to 14 letters, one that leans on its neighbour, or one with punctuation. */
const spokenWord = fc.oneof(
  { weight: 5, arbitrary: fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 1, maxLength: 14 }) },
  { weight: 2, arbitrary: fc.constantFrom(...SHORT) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.string({ unit: fc.constantFrom(...LETTERS), minLength: 2, maxLength: 10 }),
        fc.constantFrom(",", ".", "?", "!", "…", ":", ".»"),
      )
      .map(([letters, mark]) => letters + mark),
  },
);

/** What a recogniser could be made to write. */
const hostileWord = fc.oneof(
  spokenWord,
  fc.constantFrom(
    "-->",
    "00:00:01,000 --> 00:00:02,000",
    "<b>",
    "</v>",
    "<c.red>",
    "<00:00:01.000>",
    "&lt;",
    "{\\an8}",
    "\\N",
    "WEBVTT",
    "NOTE",
    "STYLE",
    "1",
    "=1+1",
    "a\tb",
    "a\r\n\r\nb",
    "\u2028",
    "\u202E",
    "<script>alert(1)</script>",
    '"onload="x',
    "[x](javascript:y)",
    "https://evil.example",
    "𝕏😀",
    "",
    " ",
  ),
  fc.string({ unit: "binary", maxLength: 20 }),
);

function speech(word: fc.Arbitrary<string>, gap: fc.Arbitrary<number>): fc.Arbitrary<FormattableTranscript> {
  const said = fc.record({ word, gap, perCharacterS: fc.double({ min: 0.02, max: 0.2, noNaN: true }) });
  return fc.tuple(fc.array(said, { maxLength: 120 }), fc.double({ min: 0, max: 5, noNaN: true })).map(([all, tail]) => {
    let time = 0;
    const words = all.map(({ word, gap, perCharacterS }): TimedWord => {
      const start = time + gap;
      time = start + word.length * perCharacterS;
      return { word, start, end: time };
    });
    return { text: words.map(({ word }) => word).join(" "), words, durationS: time + tail };
  });
}

/** Ordinary speech: fast and slow, with pauses, words one after the other. */
export const ordinarySpeech: fc.Arbitrary<FormattableTranscript> = speech(
  spokenWord,
  fc.oneof(
    { weight: 6, arbitrary: fc.double({ min: 0, max: 0.3, noNaN: true }) },
    { weight: 1, arbitrary: fc.double({ min: 0.3, max: 4, noNaN: true }) },
  ),
);

/** Hostile words at any time: backwards, together, not a number. */
export const hostileSpeech: fc.Arbitrary<FormattableTranscript> = fc.oneof(
  speech(hostileWord, fc.double({ min: 0, max: 2, noNaN: true })),
  fc.record({
    text: fc.string({ unit: "binary", maxLength: 200 }),
    words: fc.array(fc.record({ word: hostileWord, start: anyTime(), end: anyTime() }), { maxLength: 60 }),
    durationS: anyTime(),
  }),
);

function anyTime(): fc.Arbitrary<number> {
  return fc.oneof(fc.double({ min: 0, max: 20, noNaN: true }), fc.constantFrom(0, -1, Number.NaN, Infinity, 3e5));
}
